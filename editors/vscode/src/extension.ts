// nbexport in VS Code: its language server for the Rust cells of notebooks, and commands for the notebook one looks at.

import * as path from 'node:path';
import * as vscode from 'vscode';
import { LanguageClient, State } from 'vscode-languageclient/node';
import { type End, run } from './program';

const NOTEBOOK = 'jupyter-notebook';
const INSTALL = 'cargo install --locked nbexport';

let output: vscode.LogOutputChannel;
let client: LanguageClient | undefined;
/** The client's coming and going, one after the other. */
let turn: Promise<void> = Promise.resolve();

export function activate(context: vscode.ExtensionContext): void {
    output = vscode.window.createOutputChannel('nbexport', { log: true });
    const command = (name: string, action: () => unknown) => vscode.commands.registerCommand(`nbexport.${name}`, action);
    context.subscriptions.push(
        output,
        command('export', () => onNotebook('Exporting', (file) => ['export', file])),
        command('sync', () => onNotebook('Syncing', (file) => ['sync', file])),
        command('test', () => onNotebook('Testing', (file) => ['test', file])),
        command('restart', restart),
        command('output', () => output.show()),
        vscode.workspace.onDidOpenNotebookDocument(startFor),
        vscode.window.onDidChangeActiveNotebookEditor((editor) => look(editor?.notebook)),
        vscode.workspace.onDidChangeConfiguration((change) => {
            if (change.affectsConfiguration('nbexport.path') || change.affectsConfiguration('nbexport.languageServer')) {
                void restart();
            }
        }),
    );
    vscode.workspace.notebookDocuments.forEach(startFor);
    look(vscode.window.activeNotebookEditor?.notebook);
}

export function deactivate(): Promise<void> {
    return inTurn(stop);
}

// -- The language server --

/** Starts the server when the first Rust notebook is there: nobody else has to wait for rust-analyzer. */
function startFor(notebook: vscode.NotebookDocument): void {
    if (isRust(notebook)) {
        void inTurn(start);
    }
}

/** Shows the buttons above Rust notebooks only. */
function look(notebook: vscode.NotebookDocument | undefined): void {
    const is = notebook !== undefined && isRust(notebook);
    void vscode.commands.executeCommand('setContext', 'nbexport.isRust', is);
}

function isRust(notebook: vscode.NotebookDocument): boolean {
    return notebook.notebookType === NOTEBOOK && notebook.getCells().some((cell) => cell.document.languageId === 'rust');
}

function inTurn(step: () => Promise<void>): Promise<void> {
    turn = turn.then(step).catch((error: unknown) => output.error(String(error)));
    return turn;
}

function restart(): Promise<void> {
    return inTurn(async () => {
        await stop();
        if (vscode.workspace.notebookDocuments.some(isRust)) {
            await start();
        }
    });
}

async function stop(): Promise<void> {
    const last = client;
    client = undefined;
    if (last !== undefined && last.state !== State.Stopped) {
        await last.stop();
    }
}

async function start(): Promise<void> {
    const settings = vscode.workspace.getConfiguration('nbexport');
    if (client !== undefined || !settings.get<boolean>('languageServer.enabled', true)) {
        return;
    }
    const program = settings.get<string>('path', 'nbexport');
    // Asked first: the client's own message of a program that is not there says neither which nor what to do.
    const end = await run({ program, args: ['lsp', '--help'], folder: folderOf(), onLine: () => undefined });
    if (end.kind !== 'status' || end.status !== 0) {
        await tell(end.kind === 'status' ? { kind: 'failed', why: 'this nbexport has no `lsp` command' } : end, program);
        return;
    }
    client = new LanguageClient(
        'nbexport',
        'nbexport',
        { command: program, args: ['lsp'], options: { cwd: folderOf() } },
        { documentSelector: [{ notebook: NOTEBOOK, language: 'rust' }], outputChannel: output },
    );
    await client.start();
}

function folderOf(): string {
    return vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? process.cwd();
}

// -- The commands --

/** Saves the notebook one looks at and runs nbexport on it. */
async function onNotebook(title: string, args: (file: string) => string[]): Promise<void> {
    const notebook = vscode.window.activeNotebookEditor?.notebook;
    if (notebook === undefined || notebook.uri.scheme !== 'file') {
        void vscode.window.showWarningMessage('nbexport works on a notebook that is saved as a file: open one first.');
        return;
    }
    // nbexport reads the file. What is not in it would be neither exported nor tested, and `sync` writes to it.
    if (notebook.isDirty && !(await notebook.save())) {
        return;
    }
    const file = notebook.uri.fsPath;
    const program = vscode.workspace.getConfiguration('nbexport', notebook.uri).get<string>('path', 'nbexport');
    const shown = args(path.basename(file));
    const where = { location: vscode.ProgressLocation.Notification, title: `${title} ${path.basename(file)}`, cancellable: true };
    output.info(`$ nbexport ${shown.join(' ')}`);
    let last = '';
    const end = await vscode.window.withProgress(where, (_progress, token) => {
        const abort = new AbortController();
        token.onCancellationRequested(() => abort.abort());
        const onLine = (line: string): void => {
            output.info(line);
            last = line.trim() === '' ? last : line;
        };
        return run({ program, args: args(file), folder: path.dirname(file), onLine, signal: abort.signal });
    });
    await tell(end, program, last);
}

/** Says how it ended: in the status bar when all is well, with a way to the whole text when it is not. */
async function tell(end: End, program: string, last = ''): Promise<void> {
    if (end.kind === 'cancelled') {
        return;
    }
    if (end.kind === 'status' && end.status === 0) {
        vscode.window.setStatusBarMessage(`nbexport: ${last}`, 8000);
        return;
    }
    const [message, way] = explained(end, program, last);
    const chosen = await vscode.window.showErrorMessage(message, way);
    if (chosen === 'Copy the Command') {
        await vscode.env.clipboard.writeText(INSTALL);
    } else if (chosen !== undefined) {
        output.show();
    }
}

function explained(end: End, program: string, last: string): [string, string] {
    if (end.kind === 'missing') {
        return [
            `There is no program \`${program}\`. Install it with \`${INSTALL}\`, or name it in the setting \`nbexport.path\`.`,
            'Copy the Command',
        ];
    }
    const why = end.kind === 'failed' ? end.why : last;
    return [`nbexport: ${why}`, 'Show the Output'];
}
