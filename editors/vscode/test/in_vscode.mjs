// A person opens a notebook in a real VS Code (code-server, in a browser) and types in it. Needs what test/code-server.sh
// installs, a browser, nbexport and rust-analyzer:
//
//     CODE_SERVER=…/code-server/out/node/entry.js NBEXPORT=target/debug/nbexport node test/in_vscode.mjs
//
// The picture of the last step is SCREENSHOT, if that is set.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const extension = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const nbexport = path.resolve(process.env.NBEXPORT ?? path.join(extension, '../../target/debug/nbexport'));
const entry = path.resolve(process.env.CODE_SERVER);
const root = await mkdtemp(path.join(tmpdir(), 'nbexport-vscode-'));
const project = path.join(root, 'demo');

const CELLS = [
    '//| export\n/// Width and height.\npub struct Rect {\n    pub width: u32,\n    pub height: u32,\n}\n\nimpl Rect {\n    /// Width times height.\n    pub fn area(&self) -> u32 {\n        self.width * self.height\n    }\n}',
    'let rect = Rect { width: 2, height: 3 };\nrect.area()',
    'let side = 4;',
];

async function makeProject() {
    execFileSync(nbexport, ['new', project, '-q'], { stdio: 'inherit' });
    const cell = (source, n) => ({ cell_type: 'code', id: `cell-${n}`, metadata: {}, execution_count: null, outputs: [], source });
    const notebook = {
        cells: CELLS.map(cell),
        metadata: { kernelspec: { display_name: 'Rust', language: 'rust', name: 'rust' }, language_info: { name: 'Rust', file_extension: '.rs' } },
        nbformat: 4,
        nbformat_minor: 5,
    };
    await writeFile(path.join(project, 'notebooks/07_rect.ipynb'), JSON.stringify(notebook, null, 1) + '\n');
    execFileSync(nbexport, ['-q'], { cwd: project, stdio: 'inherit' });
    const installed = path.join(root, 'extensions/nbexport.nbexport-0.1.0');
    await mkdir(installed, { recursive: true });
    for (const part of ['package.json', 'out']) {
        await cp(path.join(extension, part), path.join(installed, part), { recursive: true });
    }
    const settings = { 'nbexport.path': nbexport, 'workbench.startupEditor': 'none', 'files.autoSave': 'off' };
    await mkdir(path.join(root, 'data/User'), { recursive: true });
    await writeFile(path.join(root, 'data/User/settings.json'), JSON.stringify(settings));
}

async function startServer() {
    const port = await new Promise((resolve) => {
        const probe = createServer().listen(0, '127.0.0.1', () => {
            const free = probe.address().port;
            probe.close(() => resolve(free));
        });
    });
    const flags = ['--auth=none', `--bind-addr=127.0.0.1:${port}`, '--disable-telemetry', '--disable-update-check', '--disable-workspace-trust'];
    const folders = [`--user-data-dir=${path.join(root, 'data')}`, `--extensions-dir=${path.join(root, 'extensions')}`];
    const server = spawn(process.execPath, [entry, ...flags, ...folders, project], { stdio: 'ignore', detached: true });
    const url = `http://127.0.0.1:${port}/?folder=${project}`;
    for (let tries = 0; ; tries += 1) {
        try {
            await fetch(url);
            return { url, server };
        } catch (error) {
            assert(tries < 60, error);
            await wait(500);
        }
    }
}

async function command(page, name) {
    await page.keyboard.press('F1');
    await page.keyboard.type(name, { delay: 20 });
    await page.locator('.quick-input-list .monaco-list-row').first().waitFor();
    await page.keyboard.press('Enter');
}

/** The editor of the code cell that begins with this text. */
const cellOf = (page, text) => page.locator('.notebookOverlay .code-cell-row .monaco-editor', { hasText: text }).first();

async function steps(page) {
    await page.keyboard.press('Control+P');
    await page.keyboard.type('07_rect.ipynb', { delay: 20 });
    await page.locator('.quick-input-list .monaco-list-row', { hasText: '07_rect.ipynb' }).first().waitFor();
    await page.keyboard.press('Enter');

    const last = cellOf(page, 'let side');
    await last.click();
    await page.keyboard.press('Control+End');
    await page.keyboard.type('\nrect.ar', { delay: 60 });
    // rust-analyzer reads the project first. Typing on asks again, as a person does, too.
    const offer = page.locator('.suggest-widget.visible .monaco-list-row', { hasText: 'area' });
    for (let tries = 0; (await offer.count()) === 0; tries += 1) {
        assert(tries < 60, 'no completion of `rect.ar`');
        await page.keyboard.press('Backspace');
        await page.keyboard.type('r');
        await wait(2000);
    }
    console.log('completion: a method of an exported type of another cell');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Shift+Home');
    await page.keyboard.type('let wrong: u32 = rect.width == 3;');
    await page.locator('.notebookOverlay .squiggly-error').first().waitFor({ timeout: 60000 });
    console.log('an error is underlined while one types');
    await page.keyboard.press('Shift+Home');
    await page.keyboard.type('let right: u32 = rect.width;');
    await page.locator('.notebookOverlay .squiggly-error').first().waitFor({ state: 'detached', timeout: 60000 });

    const word = cellOf(page, 'rect.area()').locator('.view-line span', { hasText: /^area$/ }).first();
    await word.hover();
    await page.locator('.monaco-hover', { hasText: 'Width times height' }).first().waitFor({ timeout: 30000 });
    console.log('hover shows the docs of the exported method');
    if (process.env.SCREENSHOT) {
        await wait(500); // It fades in.
        await page.screenshot({ path: process.env.SCREENSHOT });
    }
    await word.click();
    await page.keyboard.press('F12');
    await page.locator('.notebookOverlay .code-cell-row.focused', { hasText: 'pub struct Rect' }).first().waitFor({ timeout: 30000 });
    console.log('its definition is the cell, not the generated module');

    await page.keyboard.press('Control+End');
    await page.keyboard.type('\n\n/// Twice as wide.\npub fn wider(rect: &Rect) -> u32 {\n2 * rect.width');
    await command(page, 'nbexport: Export This Notebook');
    const module = path.join(project, 'src/nb_07.rs');
    for (let tries = 0; !(await readFile(module, 'utf8').catch(() => '')).includes('pub fn wider'); tries += 1) {
        assert(tries < 60, `${module} lacks what was typed`);
        await wait(500);
    }
    console.log('the command saves the notebook and exports it');
}

await makeProject();
const { url, server } = await startServer();
const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
    const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
    page.setDefaultTimeout(60000);
    await page.goto(url);
    await page.locator('.monaco-workbench .explorer-folders-view').first().waitFor();
    await steps(page).catch(async (error) => {
        if (process.env.SCREENSHOT) {
            await page.screenshot({ path: process.env.SCREENSHOT });
        }
        throw error;
    });
} finally {
    await browser.close();
    process.kill(-server.pid);
    await rm(root, { recursive: true, force: true });
}
