// Runs nbexport, and says how it ended. Nothing of VS Code in here, so that a test needs only Node.js.

import { spawn } from 'node:child_process';

/** How a run of nbexport ended. */
export type End =
    /** With an exit status: 0 all is well, 1 something was found, 2 the work could not be done. */
    | { kind: 'status'; status: number }
    /** Somebody cancelled it. */
    | { kind: 'cancelled' }
    /** There is no such program. */
    | { kind: 'missing' }
    /** The system would not start it, or something killed it. */
    | { kind: 'failed'; why: string };

export interface Run {
    program: string;
    args: string[];
    /** Where it runs: nbexport finds the project from here upward. */
    folder: string;
    /** Each line of what it prints, on both streams. */
    onLine: (line: string) => void;
    signal?: AbortSignal;
}

/** Runs nbexport to its end. */
export function run({ program, args, folder, onLine, signal }: Run): Promise<End> {
    return new Promise((resolve) => {
        const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true });
        // As ctrl-C does: nbexport then ends what it has started.
        signal?.addEventListener('abort', () => child.kill('SIGINT'), { once: true });
        for (const stream of [child.stdout, child.stderr]) {
            lines(stream, onLine);
        }
        child.on('error', (error: NodeJS.ErrnoException) => {
            resolve(error.code === 'ENOENT' ? { kind: 'missing' } : { kind: 'failed', why: error.message });
        });
        child.on('close', (status, by) => {
            if (signal?.aborted) {
                resolve({ kind: 'cancelled' });
            } else if (status === null) {
                resolve({ kind: 'failed', why: `ended by ${by}` });
            } else {
                resolve({ kind: 'status', status });
            }
        });
    });
}

/** A stream's text line by line; the last line needs no line feed. */
function lines(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
        const parts = (rest + text).split('\n');
        rest = parts.pop() ?? '';
        parts.forEach((line) => onLine(line.replace(/\r$/, '')));
    });
    stream.on('end', () => {
        if (rest !== '') {
            onLine(rest);
        }
    });
}
