#!/usr/bin/env python3
"""`nbexport lsp` on all notebooks of the project, and how long its answers take.

    benches/lsp.py walk [NAME…]    hover and definition at every identifier, both ways of speaking, beside rust-analyzer on the same
                                   code as plain files; what is wrong with the notebooks
    benches/lsp.py bench [CELLS…]  completion and hover in notebooks of 20, 100 and 300 cells, one keystroke before each

It needs rust-analyzer, and nbexport built in release (`cargo build --release -p nbexport`) or named by NBEXPORT.
"""

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
NBEXPORT = os.environ.get("NBEXPORT", str(ROOT / "target/release/nbexport"))
KEYWORDS = set(
    "as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut pub "
    "ref return self Self static struct super trait true type unsafe use where while".split()
)


class Client:
    """A language server, spoken to."""

    def __init__(self, command, root, options):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.answers, self.wrong, self.next, self.quiet = {}, {}, 0, False
        self.changed = threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()
        capabilities = {
            "experimental": {"serverStatusNotification": True},
            "textDocument": {"hover": {"contentFormat": ["markdown"]}, "publishDiagnostics": {}},
        }
        self.ask("initialize", {
            "processId": None, "rootUri": root.as_uri(), "capabilities": capabilities,
            "initializationOptions": options,
            "workspaceFolders": [{"uri": root.as_uri(), "name": "x"}],
        })
        self.tell("initialized", {})

    def read(self):
        while True:
            length = 0
            while (line := self.process.stdout.readline().strip()):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            if not length:
                return
            message = json.loads(self.process.stdout.read(length))
            with self.changed:
                method = message.get("method")
                if method is None:
                    self.answers[message["id"]] = message
                elif method == "textDocument/publishDiagnostics":
                    self.wrong[message["params"]["uri"]] = message["params"]["diagnostics"]
                elif method == "experimental/serverStatus":
                    self.quiet = message["params"]["quiescent"]
                elif "id" in message:
                    items = message.get("params", {}).get("items") if isinstance(message.get("params"), dict) else None
                    self.send({"id": message["id"], "result": None if items is None else [None] * len(items)})
                self.changed.notify_all()

    def send(self, message):
        text = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(text) + text)
        self.process.stdin.flush()

    def tell(self, method, params):
        self.send({"method": method, "params": params})

    def begin(self, method, params):
        self.next += 1
        self.send({"id": self.next, "method": method, "params": params})
        return self.next

    def end(self, number, patience=600):
        with self.changed:
            if not self.changed.wait_for(lambda: number in self.answers, patience):
                raise TimeoutError(number)
            return self.answers.pop(number).get("result")

    def ask(self, method, params):
        return self.end(self.begin(method, params))

    def rest(self):
        with self.changed:
            if not self.changed.wait_for(lambda: self.quiet, 600):
                raise TimeoutError("rust-analyzer loads")

    def leave(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def cells(path):
    for cell in json.loads(path.read_text())["cells"]:
        source = cell["source"]
        yield cell["cell_type"], source if isinstance(source, str) else "".join(source)


def open_cells(client, path, known=None):
    """Opens a notebook whose cells are documents; gives each code cell's document, first line and text."""
    all_cells = list(known or cells(path))
    uri = lambda index: f"vscode-notebook-cell:{path.as_uri()[7:]}#cell{index}"
    listed = [{"kind": 2 if kind == "code" else 1, "document": uri(at)} for at, (kind, _) in enumerate(all_cells)]
    code = [(uri(at), 0, text) for at, (kind, text) in enumerate(all_cells) if kind == "code"]
    documents = [{"uri": uri, "languageId": "rust", "version": 1, "text": text} for uri, _, text in code]
    notebook = {"uri": path.as_uri(), "notebookType": "jupyter-notebook", "version": 1, "cells": listed}
    client.tell("notebookDocument/didOpen", {"notebookDocument": notebook, "cellTextDocuments": documents})
    return code


def open_joined(client, path):
    """Opens a notebook as one document, as jupyterlab-lsp joins it."""
    uri = (path.parent.parent / ".virtual_documents" / path.parent.name / path.name).as_uri()
    code, line, joined = [], 0, ""
    for kind, text in cells(path):
        if kind == "code":
            code.append((uri, line, text))
            line += text.count("\n") + 3
            joined += text + "\n\n\n"
    client.tell("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "rust", "version": 1, "text": joined}})
    return code


def identifiers(text):
    """The identifiers of a text of Rust, each with line and column; those in comments and strings left out."""
    token = re.compile(
        r'//[^\n]*|/\*.*?\*/|b?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?\'(?:\\.[^\']*|[^\'\\])\'|\'[A-Za-z_]\w*(?!\')|[A-Za-z_]\w*|\d\w*',
        re.S,
    )
    header = re.compile(r"(?:(?:[ ]*//[^\n]*|:[^\n]*|![^\n]*|\s*)\n)*")
    start = header.match(text).end()
    for found in token.finditer(text, start):
        word = found.group()
        if re.fullmatch(r"[A-Za-z_]\w*", word) and word not in KEYWORDS and word != "_":
            before = text[: found.start()]
            line = before.count("\n")
            column = len(before[before.rfind("\n") + 1 :].encode("utf-16-le")) // 2
            yield line, column, word


def look(client, places):
    """Hover and definition at places: whether there is a hover, and where the definitions are."""
    asked = []
    for uri, line, column, _ in places:
        params = {"textDocument": {"uri": uri}, "position": {"line": line, "character": column}}
        asked.append((client.begin("textDocument/hover", params), client.begin("textDocument/definition", params)))
    found = []
    for hover, definition in asked:
        hover, definition = client.end(hover), client.end(definition)
        found.append((bool(hover), definition or []))
    return found


class Texts:
    """What stands at the places that answers name: the rest of the line, in files, in notebooks' files and in open cells."""

    def __init__(self, code):
        self.lines = {}
        for uri, first, text in code:
            self.lines.update({(uri, first + at): line for at, line in enumerate(text.split("\n"))})
        self.files = {}

    def at(self, location):
        uri, start = location["uri"], location["range"]["start"]
        line = self.lines.get((uri, start["line"]))
        if line is None:
            if uri not in self.files:
                self.files[uri] = pathlib.Path(urllib.parse.unquote(uri.removeprefix("file://"))).read_text().split("\n")
            line = self.files[uri][start["line"]]
        rest = line.encode("utf-16-le")[2 * start["character"] :].decode("utf-16-le")
        if uri.endswith(".ipynb") and (uri, start["line"]) not in self.lines:
            rest = json.loads('"' + re.match(r'(?:[^"\\]|\\.)*', rest).group() + '"')
        return rest.rstrip()

    def notebook(self, location):
        """The name of the notebook that a place is in, if it is in one."""
        return re.sub(r"[#?].*", "", location["uri"]).rsplit("/")[-1]


def agree(texts, definition, wanted):
    """Whether definitions are those that they should be. A line may be cut where a cell's last expression begins; the
    definition of a module is the notebook that it is exported from."""
    modules = {text.split(":")[0].split("/")[-1] for text in wanted if text.startswith("// @generated by nbexport from ")}
    if modules:
        return {texts.notebook(one) for one in definition} == modules
    found = {texts.at(one) for one in definition}
    same = lambda a, b: a.startswith(b) or b.startswith(a)
    return bool(found) and all(any(same(a, b) for b in wanted) for a in found)


def plain(name, folder):
    """rust-analyzer by itself on the programs of a notebook, as plain files: its answers by text of the line and column."""
    texts = Texts([])
    client = Client(["rust-analyzer"], folder, {"checkOnSave": False, "cachePriming": {"enable": False}})
    client.rest()
    answers = {}
    sources = [next(folder.glob(f"nb_{name}_*/src/main.rs")), ROOT / f"exp/src/{module(name)}.rs"]
    for source in filter(pathlib.Path.exists, sources):
        text = source.read_text()
        client.tell("textDocument/didOpen", {"textDocument": {
            "uri": source.as_uri(), "languageId": "rust", "version": 1, "text": text}})
        places = [(source.as_uri(), line, column, word) for line, column, word in identifiers("\n" + text)]
        places = [(uri, line - 1, column, word) for uri, line, column, word in places]
        lines = text.split("\n")
        for (_, line, column, word), (hover, definition) in zip(places, look(client, places)):
            key = (lines[line].strip(), column - (len(lines[line]) - len(lines[line].lstrip())), word)
            was = answers.get(key, (False, set()))
            answers[key] = (was[0] or hover, was[1] | {texts.at(one) for one in definition})
    client.leave()
    return answers


def module(name):
    return "nb_" + name.split("_")[0]


def walk(names):
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    notebooks = [path for path in notebooks if not names or path.stem in names]
    print("| notebook | identifiers | plain: hover | cells: hover | joined: hover | plain: definition | cells: definition | joined: definition | elsewhere (cells / joined) | wrong |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    fine = True
    for path in notebooks:
        found, wrong, code = {}, 0, {}
        for speech, opens in (("cells", open_cells), ("joined", open_joined)):
            client = Client([NBEXPORT, "lsp"], ROOT, {"checkOnSave": False})
            client.rest()
            code[speech] = opens(client, path)
            places = [
                (uri, line + first, column, word)
                for uri, first, text in code[speech]
                for line, column, word in identifiers(text)
            ]
            found[speech] = list(zip(places, look(client, places)))
            time.sleep(10)
            with client.changed:
                all_wrong = [(uri, one) for uri, listed in client.wrong.items() for one in listed]
            for uri, one in all_wrong:
                print(f"  {uri.rsplit('/')[-1]} {one['range']['start']}: {one['message']}", file=sys.stderr)
            wrong += len(all_wrong)
            client.leave()
        known = plain(path.stem, ROOT / "target/nbexport/lsp")
        counts = {"plain": [0, 0], "cells": [0, 0, 0], "joined": [0, 0, 0]}
        total = 0
        for speech in ("cells", "joined"):
            texts = Texts(code[speech])
            for (uri, line, column, word), (hover, definition) in found[speech]:
                text = texts.lines[uri, line]
                key = (text.strip(), column - (len(text) - len(text.lstrip())), word)
                has_hover, wanted = known.get(key, (False, set()))
                counts[speech][0] += bool(hover and has_hover)
                counts[speech][1] += bool(definition and wanted)
                is_there = agree(texts, definition, wanted)
                counts[speech][2] += bool(definition and wanted and is_there)
                if wanted and not is_there:
                    print(f"  {speech}: {word} in `{text.strip()}`: {definition} for {wanted}", file=sys.stderr)
                if speech == "cells":
                    total += 1
                    counts["plain"][0] += has_hover
                    counts["plain"][1] += bool(wanted)
        share = lambda speech, at: f"{100 * counts[speech][at] / max(counts['plain'][at], 1):.1f} %"
        fine &= all(counts[s][at] >= 0.99 * counts["plain"][at] for s in ("cells", "joined") for at in (0, 1))
        fine &= wrong == 0 and all(counts[s][1] == counts[s][2] for s in ("cells", "joined"))
        there = " / ".join(f"{counts[s][1] - counts[s][2]}" for s in ("cells", "joined"))
        print(
            f"| {path.stem} | {total} | {counts['plain'][0]} | {share('cells', 0)} | {share('joined', 0)} "
            f"| {counts['plain'][1]} | {share('cells', 1)} | {share('joined', 1)} | {there} | {wrong} |",
            flush=True,
        )
    return fine


def made(count):
    """The cells of a notebook: in turn an exported item, its use, a test."""
    yield "code", '//| setup\nuse std::collections::BTreeMap;\nlet mut counts: BTreeMap<String, usize> = BTreeMap::new();'
    for at in range(1, count):
        match at % 3:
            case 0:
                yield "code", f"//| test it_holds_{at}\nassert_eq!(Point{at - 2}::new(1.0).twice(), 2.0);"
            case 1:
                yield "code", (
                    f"//| export\n/// A point.\n#[derive(Clone, Debug)]\npub struct Point{at} {{\n    pub x: f64,\n}}\n\n"
                    f"impl Point{at} {{\n    pub fn new(x: f64) -> Self {{ Self {{ x }} }}\n"
                    f"    /// Twice.\n    pub fn twice(&self) -> f64 {{ 2.0 * self.x }}\n}}"
                )
            case 2:
                yield "code", (
                    f"let p{at} = Point{at - 1}::new({at}.0);\nlet all{at}: Vec<f64> = (0..9).map(|i| p{at}.twice() * f64::from(i)).collect();\n"
                    f'counts.insert(format!("{{:?}}", all{at}), all{at}.len());'
                )


def bench(counts):
    print("| cells | completion p50 | p95 | hover p50 | p95 | loaded | memory |")
    print("|---|---|---|---|---|---|---|")
    for count in counts:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="nbexport-bench-"))
        try:
            subprocess.run([NBEXPORT, "-q", "new", "demo"], cwd=folder, check=True)
            root = folder / "demo"
            path = next((root / "notebooks").glob("*.ipynb")).with_name("50_many.ipynb")
            all_cells = list(made(count))
            path.write_text(json.dumps({
                "cells": [
                    {"cell_type": kind, "id": f"c{at}", "metadata": {}, "source": text, "outputs": [], "execution_count": None}
                    for at, (kind, text) in enumerate(all_cells)
                ],
                "metadata": {"kernelspec": {"display_name": "Rust", "language": "rust", "name": "rust"}},
                "nbformat": 4, "nbformat_minor": 5,
            }))
            start = time.monotonic()
            client = Client([NBEXPORT, "lsp"], root, {"checkOnSave": False})
            code = open_cells(client, path)
            client.rest()
            uses = [index for index in range(len(code)) if index % 3 == 2]
            times = {"completion": [], "hover": []}
            loaded = None
            for turn in range(60):
                index = uses[(turn * 7) % len(uses)]
                uri, _, text = code[index]
                line = text.count("\n") + 1
                end = (line - 1, len(text.split("\n")[-1]))
                type_in(client, path, uri, end, end, f"\np{index}.tw")
                place = {"textDocument": {"uri": uri}, "position": {"line": line, "character": len(f"p{index}.tw")}}
                began = time.monotonic()
                completed = client.ask("textDocument/completion", place)
                took = time.monotonic() - began
                items = completed["items"] if isinstance(completed, dict) else completed or []
                assert any(item["label"].startswith("twice") for item in items), (turn, index, completed)
                if loaded is None:
                    loaded = time.monotonic() - start
                elif turn >= 10:
                    times["completion"].append(took)
                # What was typed goes again.
                type_in(client, path, uri, end, (line, len(f"p{index}.tw")), "")
                began = time.monotonic()
                hover = client.ask("textDocument/hover", {"textDocument": {"uri": uri}, "position": {"line": 0, "character": 5}})
                if turn >= 10:
                    times["hover"].append(time.monotonic() - began)
                assert hover, index
            children = subprocess.run(["ps", "-o", "rss=", "--ppid", str(client.process.pid)], capture_output=True, text=True).stdout
            memory = max((int(word) for word in children.split()), default=0) // 1024
            client.leave()
            cell = lambda kind, at: f"{1000 * statistics.quantiles(times[kind], n=20)[at]:.0f} ms"
            print(
                f"| {count} | {cell('completion', 9)} | {cell('completion', 18)} | {cell('hover', 9)} | {cell('hover', 18)} "
                f"| {loaded:.0f} s | {memory} MB |",
                flush=True,
            )
        finally:
            shutil.rmtree(folder)


def type_in(client, path, uri, start, end, new):
    """Replaces what stands between two places of a cell."""
    place = lambda at: {"line": at[0], "character": at[1]}
    span = {"start": place(start), "end": place(end)}
    changes = [{"document": {"uri": uri, "version": 2}, "changes": [{"range": span, "text": new}]}]
    client.tell("notebookDocument/didChange", {
        "notebookDocument": {"uri": path.as_uri(), "version": 2}, "change": {"cells": {"textContent": changes}}})


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["walk", *names]:
            sys.exit(0 if walk(names) else 1)
        case ["bench", *counts]:
            bench([int(count) for count in counts] or (20, 100, 300))
        case _:
            sys.exit(__doc__)
