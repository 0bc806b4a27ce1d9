// How nbexport is run, with programs in its place that end in every way there is.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { run } from '../out/program.mjs';

let folder;
before(async () => (folder = await mkdtemp(path.join(tmpdir(), 'nbexport-vscode-'))));
after(() => rm(folder, { recursive: true }));

/** Runs a program of Node.js that is this text. */
async function node(text, signal) {
    const lines = [];
    const end = await run({ program: process.execPath, args: ['-e', text], folder, onLine: (line) => lines.push(line), signal });
    return { end, lines };
}

test('both streams come line by line, the last one without a line feed too', async () => {
    const { end, lines } = await node('process.stdout.write("a\\nb\\r\\nlast"); process.stderr.write("error: x\\n")');
    assert.deepEqual(end, { kind: 'status', status: 0 });
    assert.deepEqual(lines.toSorted(), ['a', 'b', 'error: x', 'last']);
});

test('a letter of several bytes that comes in two pieces stays one', async () => {
    const text = 'const b = Buffer.from("é\\n"); process.stdout.write(b.subarray(0, 1)); setTimeout(() => process.stdout.write(b.subarray(1)), 50)';
    assert.deepEqual((await node(text)).lines, ['é']);
});

test('an exit status is told', async () => {
    assert.deepEqual((await node('process.exit(2)')).end, { kind: 'status', status: 2 });
});

test('it runs in the folder of the notebook', async () => {
    assert.equal(path.basename((await node('console.log(process.cwd())')).lines[0]), path.basename(folder));
});

test('a program that is not there is told apart', async () => {
    const end = await run({ program: path.join(folder, 'nbexport'), args: [], folder, onLine: () => assert.fail() });
    assert.deepEqual(end, { kind: 'missing' });
});

test('cancelling is a ctrl-C, which the program may answer', async () => {
    const abort = new AbortController();
    const text = 'process.on("SIGINT", () => { console.log("stopped"); process.exit(1) }); console.log("ready"); setInterval(() => {}, 1000)';
    const lines = [];
    const onLine = (line) => {
        lines.push(line);
        if (line === 'ready') {
            abort.abort();
        }
    };
    const end = await run({ program: process.execPath, args: ['-e', text], folder, onLine, signal: abort.signal });
    assert.deepEqual(end, { kind: 'cancelled' });
    assert.deepEqual(lines, ['ready', 'stopped']);
});
