//! Notebooks under git, with the real git: diffs, merges and hooks, as two people who edit one notebook meet them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Case, Run, notebook, pretty};

const NOTEBOOK: &str = "notebooks/00_demo.ipynb";
const MODULE: &str = "exp/src/nb_00.rs";

const CELLS: &str = "
    --- title markdown
    # Demo
    --- one
    //| export
    pub fn one() -> u8 {
        let first = 1;
        // The first.
        first
    }
    --- two
    //| export
    pub fn two() -> u8 { 2 }
    --- check
    //| test check
    assert_eq!(one() + one(), two());
";

/// A program, told nothing by the surroundings: no configuration of a user or a system, the binary on `PATH`.
fn command(program: &str, folder: &Path) -> Command {
    let binary = Path::new(env!("CARGO_BIN_EXE_nbexport"));
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(binary.parent().unwrap().to_owned()).chain(std::env::split_paths(&paths));
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null()).env("PATH", std::env::join_paths(paths).unwrap());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
        command.env_remove(name);
    }
    command
        .env("GIT_CONFIG_GLOBAL", if cfg!(windows) { "NUL" } else { "/dev/null" })
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_EDITOR", "true")
        .env("NO_COLOR", "1")
        .env("LC_ALL", "C");
    command
}

/// A work tree: where git and nbexport are run.
struct Tree {
    case: Case,
    folder: PathBuf,
}

impl Tree {
    /// A repository with the project and one commit of it, drivers and hooks installed.
    fn new(cells: &str) -> Self {
        let tree = Self::bare(cells);
        tree.run("hooks install");
        tree.commit("begin");
        tree
    }

    /// The same without drivers, hooks and a commit.
    fn bare(cells: &str) -> Self {
        let case = Case::of(cells);
        case.export();
        case.write(".gitignore", "/target\n");
        let folder = case.path("");
        let tree = Self { case, folder };
        tree.git("init --quiet --initial-branch=main");
        tree.who("Ada");
        tree
    }

    /// A clone of it, in which somebody else works.
    fn clone(&self, name: &str) -> Self {
        let case = Case::nothing();
        let folder = case.path("");
        let tree = Self { case, folder };
        tree.git(&format!("clone --quiet {} .", self.folder.display()));
        tree.who(name);
        tree.run("hooks install");
        tree
    }

    fn who(&self, name: &str) {
        self.git(&format!("config user.name {name}"));
        self.git(&format!("config user.email {name}@example.com"));
    }

    fn told(&self, mut command: Command) -> Run {
        self.case.told(&command.output().unwrap())
    }

    /// Runs git, which may fail.
    fn try_git(&self, arguments: &str) -> Run {
        let mut git = command("git", &self.folder);
        git.args(arguments.split_whitespace());
        self.told(git)
    }

    /// Runs git, which must succeed, and gives what it printed.
    fn git(&self, arguments: &str) -> String {
        let run = self.try_git(arguments);
        assert_eq!(run.code, Some(0), "git {arguments}: {run}");
        run.stdout
    }

    /// Runs nbexport.
    fn run(&self, arguments: &str) -> Run {
        let mut nbexport = command(env!("CARGO_BIN_EXE_nbexport"), &self.folder);
        nbexport.args(arguments.split_whitespace());
        self.told(nbexport)
    }

    /// Exports, and commits everything.
    fn commit(&self, message: &str) {
        let run = self.run("");
        assert_eq!(run.code, Some(0), "{run}");
        self.git("add --all");
        self.git(&format!("commit --quiet --allow-empty --message {message}"));
    }

    fn edit(&self, from: &str, to: &str) {
        self.case.replace(NOTEBOOK, from, to);
    }

    /// The notebook, which must be JSON with a different id for each cell.
    fn notebook(&self) -> Vec<(String, String)> {
        cells(&self.case.read(NOTEBOOK))
    }

    /// The source of one cell.
    fn cell(&self, id: &str) -> String {
        let cells = self.notebook();
        cells.into_iter().find(|(own, _)| own == id).unwrap_or_else(|| panic!("no cell `{id}`")).1
    }

    fn ids(&self) -> Vec<String> {
        self.notebook().into_iter().map(|(id, _)| id).collect()
    }

    /// Solves a conflict in the notebook's file by leaving out the lines that match.
    fn solve(&self, drop: impl Fn(&str) -> bool) {
        let mut notebook: Value = serde_json::from_str(&self.case.read(NOTEBOOK)).unwrap();
        for cell in notebook["cells"].as_array_mut().unwrap() {
            let lines = cell["source"].as_array_mut().unwrap();
            lines.retain(|line| !drop(line.as_str().unwrap()));
            if let Some(Value::String(last)) = lines.last_mut() {
                last.truncate(last.trim_end().len());
            }
        }
        self.case.write(NOTEBOOK, pretty(&notebook));
    }
}

/// Ids and sources of a notebook's cells.
fn cells(text: &str) -> Vec<(String, String)> {
    let notebook: Value = serde_json::from_str(text).unwrap();
    let cells: Vec<(String, String)> = notebook["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| {
            let source: String =
                cell["source"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            (cell["id"].as_str().unwrap().to_owned(), source)
        })
        .collect();
    let mut ids: Vec<&String> = cells.iter().map(|(id, _)| id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), cells.len(), "ids are not unique: {text}");
    cells
}

fn is_marker(line: &str) -> bool {
    ["<<<<<<<", "=======", ">>>>>>>"].iter().any(|marker| line.starts_with(marker))
}

#[test]
fn two_people_edit_one_notebook() {
    needs!("git");
    let ada = Tree::new(CELLS);
    let grace = ada.clone("Grace");

    // Different lines of one cell, and a new cell each in the same place.
    ada.edit("The first.", "The very first.");
    ada.edit("\"# Demo\"", "\"# A demo\"");
    ada.commit("ada");
    grace.edit("pub fn one() -> u8 {", "pub const fn one() -> u8 {");
    grace.commit("grace");
    grace.git("config pull.rebase false");
    let pull = grace.try_git("pull --quiet --no-edit");
    // Notebook and module are merged, the hash in the module's marker made anew: there is nothing left to do.
    assert!(pull.code == Some(0) && pull.stderr.is_empty(), "{pull}");
    assert_eq!(grace.git("status --porcelain"), "");
    assert_snapshot!(grace.cell("one"), @"
    //| export
    pub const fn one() -> u8 {
        let first = 1;
        // The very first.
        first
    }
    ");
    assert_eq!(grace.run("--check").code, Some(0));

    // The same line of one cell.
    grace.edit("{ 2 }", "{ 1 + 1 }");
    grace.commit("grace");
    ada.edit("{ 2 }", "{ 4 / 2 }");
    ada.commit("ada");
    ada.git("config pull.rebase false");
    let pull = ada.try_git(&format!("pull --no-edit {} main", grace.folder.display()));
    assert_eq!(pull.code, Some(1), "{pull}");
    let stderr: Vec<&str> = pull
        .stderr
        .lines()
        .skip_while(|line| !line.starts_with("error: ") && !line.starts_with("warning: "))
        .collect();
    assert_snapshot!(stderr.join("\n").replace(&grace.folder.display().to_string(), "[grace]"), @"
    error: both sides changed the same lines of this cell
     --> notebooks/00_demo.ipynb:cell 3:2:1
      |
    2 | <<<<<<< HEAD
      | ^^^^^^^^^^^^
      |
      = note: this is the cell with id `two`
      = help: open the notebook, keep one side and delete the marker lines, then `git add` it

    warning: `exp/src/nb_00.rs` is as in HEAD for now
     |
     = note: both sides exported other text to one place of it, and nobody typed into it
     = help: once its notebook is merged, `nbexport` writes it anew; then `git add exp/src/nb_00.rs`
    ");
    let conflict = ada.cell("two");
    assert_eq!(conflict.lines().filter(|line| is_marker(line)).count(), 3, "{conflict}");
    assert_snapshot!(ada.run(""), @"
    exit status 1
    --- stdout
    notebooks/00_demo.ipynb: not exported, 1 error
    --- stderr
    error: the cell holds a merge conflict
     --> notebooks/00_demo.ipynb:cell 3:2:1
      |
    2 | <<<<<<< HEAD
      | ^^^^^^^^^^^^ the conflict begins here
      |
      = note: this is the cell with id `two`
      = help: keep one side, delete the marker lines, and export again
    ");
    ada.solve(|line| is_marker(line) || line.contains("4 / 2"));
    assert_eq!(ada.cell("two"), "//| export\npub fn two() -> u8 { 1 + 1 }");
    assert_snapshot!(ada.run(""), @"
    exit status 0
    --- stdout
    notebooks/00_demo.ipynb → exp/src/nb_00.rs: 2 cells, 1 test, exported
    ");
    ada.commit("solved");
    assert_eq!(ada.run("--check").code, Some(0));
}

#[test]
fn git_diff_shows_cells() {
    needs!("git");
    let tree = Tree::new(CELLS);
    tree.edit("{ 2 }", "{ 1 + 1 }");
    tree.edit(
        "\"outputs\": []",
        "\"outputs\": [{\"output_type\": \"stream\", \"name\": \"stdout\", \"text\": \"a\\nb\\n\"}]",
    );
    tree.edit("\"execution_count\": null", "\"execution_count\": 7");
    let run = tree.try_git("diff -- notebooks");
    assert_snapshot!(run, @"
    exit status 0
    --- stdout
    diff --nbexport a/notebooks/00_demo.ipynb b/notebooks/00_demo.ipynb
    --- a/notebooks/00_demo.ipynb
    +++ b/notebooks/00_demo.ipynb
    @@ cell 2 (one): changed @@
      outputs: none → stdout (2 lines)
    @@ cell 3 (two): changed @@
     //| export
    -pub fn two() -> u8 { 2 }
    +pub fn two() -> u8 { 1 + 1 }
    @@ execution count of 1 cell @@
    ");
    // A conflict in the JSON is shown as text, and does not stop git.
    tree.edit("{\n", "<<<<<<< HEAD\n{\n");
    let run = tree.try_git("diff -- notebooks");
    assert!(run.code == Some(0) && run.stdout.contains("+<<<<<<< HEAD"), "{run}");
}

#[test]
fn git_diff_of_new_removed_and_renamed_notebooks() {
    needs!("git");
    let tree = Tree::new(CELLS);
    tree.git("mv notebooks/00_demo.ipynb notebooks/01_demo.ipynb");
    tree.case.write("notebooks/02_new.ipynb", notebook("--- new\nlet x = 1;"));
    tree.git("add --all");
    let diff = tree.git("diff --cached -- notebooks");
    assert!(diff.contains("diff --nbexport a/notebooks/00_demo.ipynb b/notebooks/01_demo.ipynb\n"), "{diff}");
    assert!(diff.contains("@@ cell 1 (new): added @@\n+let x = 1;"), "{diff}");
}

#[test]
fn diff_against_head_and_of_two_files() {
    needs!("git");
    let tree = Tree::new(CELLS);
    let same = tree.run(&format!("diff {NOTEBOOK}"));
    assert!(same.code == Some(0) && same.stdout.is_empty(), "{same}");
    tree.edit("\"# Demo\"", "\"# A demo\"");
    tree.edit("\"name\": \"rust\"", "\"name\": \"rust-nightly\"");
    assert_snapshot!(tree.run(&format!("diff {NOTEBOOK}")), @"
    exit status 1
    --- stdout
    --- HEAD:notebooks/00_demo.ipynb
    +++ notebooks/00_demo.ipynb
    @@ cell 1 (title, markdown): changed @@
    -# Demo
    +# A demo
    @@ notebook metadata: kernelspec.name @@
    ");
    tree.git("checkout --quiet -- notebooks");
    let other = notebook(
        "
        --- two
        //| export
        pub fn two() -> u8 { 2 }
        --- title markdown
        # Demo
        --- other
        //| export
        pub fn one() -> u8 {
            // The one and only.
            1
        }
        --- new
        let x = 1;
    ",
    );
    tree.case.write("other.ipynb", other);
    assert_snapshot!(tree.run(&format!("diff {NOTEBOOK} other.ipynb")), @"
    exit status 1
    --- stdout
    --- notebooks/00_demo.ipynb
    +++ other.ipynb
    @@ cell 3 → 1 (two): moved @@
    @@ cell 3 (other): changed @@
     //| export
     pub fn one() -> u8 {
    -    let first = 1;
    -    // The first.
    -    first
    +    // The one and only.
    +    1
     }
    @@ cell 4 (new): added @@
    +let x = 1;
    @@ cell 4 (check): removed @@
    -//| test check
    -assert_eq!(one() + one(), two());
    ");
    let run = tree.run(&format!("diff {NOTEBOOK} other.ipynb --format json"));
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (run.code, &json["same"], &json["cells"][0]["what"]),
        (Some(1), &json!(false), &json!("moved"))
    );
    assert_eq!(tree.run(&format!("diff {NOTEBOOK} Cargo.toml")).code, Some(2));
}

#[test]
fn diff_without_a_file_is_of_all_notebooks_that_changed() {
    needs!("git");
    let tree = Tree::new(CELLS);
    tree.case.write("notebooks/01_größe.ipynb", notebook("--- a\nlet a = 1;"));
    tree.case.write("notebooks/deep/02_gone.ipynb", notebook("--- g\nlet g = 1;"));
    tree.commit("two");
    let same = tree.run("diff");
    assert!(same.code == Some(0) && same.stdout.is_empty(), "{same}");
    tree.edit("\"# Demo\"", "\"# A demo\"");
    tree.case.replace("notebooks/01_größe.ipynb", "let a = 1", "let a = 2");
    std::fs::remove_dir_all(tree.case.path("notebooks/deep")).unwrap();
    // From any folder, as git's diff does.
    let mut diff = command(env!("CARGO_BIN_EXE_nbexport"), &tree.case.path("exp"));
    diff.arg("diff");
    assert_snapshot!(tree.told(diff), @r"
    exit status 1
    --- stdout
    --- HEAD:notebooks/00_demo.ipynb
    +++ notebooks/00_demo.ipynb
    @@ cell 1 (title, markdown): changed @@
    -# Demo
    +# A demo
    --- HEAD:notebooks/01_größe.ipynb
    +++ notebooks/01_größe.ipynb
    @@ cell 1 (a): changed @@
    -let a = 1;
    +let a = 2;
    --- HEAD:notebooks/deep/02_gone.ipynb
    +++ notebooks/deep/02_gone.ipynb
    @@ cell 1 (g): removed @@
    -let g = 1;
    @@ notebook metadata: kernelspec, language_info @@
    ");
    // One that cannot be read does not hold up the others.
    tree.edit("{\n", "<<<<<<< HEAD\n{\n");
    let run = tree.run("diff");
    assert!(run.code == Some(2) && run.stderr.contains("notebooks/00_demo.ipynb"), "{run}");
    assert!(run.stdout.contains("+let a = 2;"), "{run}");
}

/// Two branches from one commit: `main` with one edit, `other` with another.
fn branches(ours: impl Fn(&Tree), theirs: impl Fn(&Tree)) -> Tree {
    let tree = Tree::new(CELLS);
    tree.git("switch --quiet --create other");
    theirs(&tree);
    tree.commit("theirs");
    tree.git("switch --quiet main");
    ours(&tree);
    tree.commit("ours");
    tree
}

fn add_cell(tree: &Tree, before: &str, id: &str, source: &str) {
    let mut notebook: Value = serde_json::from_str(&tree.case.read(NOTEBOOK)).unwrap();
    let cells = notebook["cells"].as_array_mut().unwrap();
    let at = cells.iter().position(|cell| cell["id"] == before).unwrap();
    let cell = json!({
        "cell_type": "code", "execution_count": null, "id": id, "metadata": {}, "outputs": [], "source": [source],
    });
    cells.insert(at, cell);
    tree.case.write(NOTEBOOK, pretty(&notebook));
}

fn drop_cell(tree: &Tree, id: &str) {
    let mut notebook: Value = serde_json::from_str(&tree.case.read(NOTEBOOK)).unwrap();
    notebook["cells"].as_array_mut().unwrap().retain(|cell| cell["id"] != id);
    tree.case.write(NOTEBOOK, pretty(&notebook));
}

#[test]
fn cells_that_both_sides_add_in_one_place_are_both_kept() {
    needs!("git");
    let ours = |tree: &Tree| add_cell(tree, "check", "ours", "let ours = 1;");
    let theirs = |tree: &Tree| {
        add_cell(tree, "check", "theirs-1", "let theirs = 1;");
        add_cell(tree, "check", "theirs-2", "let theirs = 2;");
    };
    let tree = branches(ours, theirs);
    tree.git("merge --quiet --no-edit other");
    assert_eq!(tree.ids(), ["title", "one", "two", "ours", "theirs-1", "theirs-2", "check"]);
}

#[test]
fn one_side_moves_a_cell_that_the_other_edits() {
    needs!("git");
    let moves = |tree: &Tree| {
        drop_cell(tree, "two");
        add_cell(tree, "one", "two", "//| export\npub fn two() -> u8 { 2 }");
    };
    let edits = |tree: &Tree| tree.edit("{ 2 }", "{ 1 + 1 }");
    for tree in [branches(moves, edits), branches(edits, moves)] {
        tree.try_git("merge --quiet --no-edit other");
        assert_eq!(tree.ids(), ["title", "two", "one", "check"]);
        assert_eq!(tree.cell("two"), "//| export\npub fn two() -> u8 { 1 + 1 }");
    }
}

#[test]
fn a_cell_deleted_on_one_side_and_edited_on_the_other_is_kept_in_conflict() {
    needs!("git");
    let tree = branches(
        |tree| {
            drop_cell(tree, "check");
            drop_cell(tree, "two");
        },
        |tree| tree.edit("{ 2 }", "{ 1 + 1 }"),
    );
    assert_eq!(tree.try_git("merge --no-edit other").code, Some(1));
    assert_eq!(tree.ids(), ["title", "one", "two"]);
    assert_snapshot!(tree.cell("two"), @"
    <<<<<<< HEAD
    =======
    //| export
    pub fn two() -> u8 { 1 + 1 }
    >>>>>>> other
    ");
}

#[test]
fn outputs_and_counts_never_conflict_and_metadata_merges_by_key() {
    let base = notebook(CELLS);
    let run = |text: &str, count: u8, output: &str, tag: &str, author: &str| {
        let mut notebook: Value = serde_json::from_str(text).unwrap();
        notebook["metadata"]["author"] = json!(author);
        let cell = &mut notebook["cells"][1];
        cell["execution_count"] = json!(count);
        cell["outputs"] = json!([{"output_type": "stream", "name": "stdout", "text": [output]}]);
        cell["metadata"] = json!({"tags": [tag], "scrolled": count});
        pretty(&notebook)
    };
    let case = Case::nothing();
    case.write("base.ipynb", &base);
    case.write("ours.ipynb", run(&base, 3, "ours", "a", "Ada"));
    case.write("theirs.ipynb", run(&base, 4, "theirs", "b", "Ada"));
    let merged = case.run("merge base.ipynb ours.ipynb theirs.ipynb");
    assert_eq!(merged.code, Some(0), "{merged}");
    let cell = &serde_json::from_str::<Value>(&merged.stdout).unwrap()["cells"][1];
    assert_eq!(cell["metadata"], json!({"tags": ["a", "b"], "scrolled": 3}));
    assert_eq!((&cell["execution_count"], &cell["outputs"][0]["text"][0]), (&json!(3), &json!("ours")));
    // What a person wrote is no bookkeeping.
    case.write("theirs.ipynb", run(&base, 4, "theirs", "b", "Grace"));
    assert_snapshot!(case.run("merge base.ipynb ours.ipynb theirs.ipynb --out out.ipynb"), @r#"
    exit status 1
    --- stderr
    error: both sides changed `metadata.author`; it is kept as in ours
     |
     = note: in theirs it is "Grace"
     = note: in the metadata of `out.ipynb`
     = help: look at it in Jupyter's property inspector, then `git add` the notebook
    "#);
    assert!(case.read("out.ipynb").contains("\"author\": \"Ada\""));
}

#[test]
fn cells_that_one_side_touched_keep_their_bytes() {
    let odd = |text: &str| notebook(CELLS).replace("\"metadata\": {}", text);
    let case = Case::nothing();
    let base = odd("\"metadata\": {\"x\": 1e-05, \"y\": \"\\u003c\"}");
    case.write("base.ipynb", &base);
    case.write("ours.ipynb", base.replace("The first.", "The very first."));
    case.write("theirs.ipynb", base.replace("pub fn one", "pub const fn one").replace("{ 2 }", "{ 1 + 1 }"));
    let merged = case.run("merge base.ipynb ours.ipynb theirs.ipynb");
    let expected = base
        .replace("The first.", "The very first.")
        .replace("pub fn one", "pub const fn one")
        .replace("{ 2 }", "{ 1 + 1 }");
    assert_eq!((merged.code, merged.stdout), (Some(0), expected));
}

#[test]
fn notebooks_without_ids_are_merged_by_content() {
    let old = |text: &str| {
        let mut notebook: Value = serde_json::from_str(&notebook(text)).unwrap();
        notebook["nbformat_minor"] = json!(4);
        for cell in notebook["cells"].as_array_mut().unwrap() {
            cell.as_object_mut().unwrap().remove("id");
        }
        pretty(&notebook)
    };
    let case = Case::nothing();
    case.write("base.ipynb", old(CELLS));
    case.write("ours.ipynb", old(&CELLS.replace("The first.", "The very first.")));
    case.write("theirs.ipynb", old(&CELLS.replace("pub fn one", "pub const fn one")));
    let merged = case.run("merge base.ipynb ours.ipynb theirs.ipynb");
    let both = CELLS.replace("The first.", "The very first.").replace("pub fn one", "pub const fn one");
    assert_eq!((merged.code, merged.stdout), (Some(0), old(&both)));
    // One side was saved by a Jupyter that gives ids: the merged notebook has them all.
    case.write("ours.ipynb", notebook(CELLS));
    let merged = case.run("merge base.ipynb ours.ipynb theirs.ipynb");
    assert_eq!(
        cells(&merged.stdout).iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(),
        ["title", "one", "two", "check"]
    );
    case.write("theirs.ipynb", notebook(CELLS).replace("pub fn one", "pub const fn one"));
    case.write("ours.ipynb", old(&CELLS.replace("The first.", "The very first.")));
    let merged = case.run("merge base.ipynb ours.ipynb theirs.ipynb");
    assert_eq!(cells(&merged.stdout).len(), 4);
}

#[test]
fn what_is_no_notebook_is_merged_as_text() {
    needs!("git");
    let case = Case::nothing();
    case.write("base.ipynb", notebook(CELLS));
    case.write("ours.ipynb", notebook(CELLS).replace("The first.", "The very first."));
    case.write("theirs.ipynb", notebook(CELLS).replace("\"# Demo\"", "\"# Demo"));
    let run = case.run("merge base.ipynb ours.ipynb theirs.ipynb --out out.ipynb");
    assert_eq!(run.code, Some(1));
    assert_snapshot!(run.stderr, @r##"
    error: `theirs.ipynb` is not a notebook: control character (\u0000-\u001F) found while parsing a string
     --> theirs.ipynb:8:11
      |
    8 |     "# Demo
      |           ^
      |
      = help: a notebook is a JSON file as Jupyter writes it; open and save it there

    warning: `out.ipynb` was merged as text, not cell by cell
     |
     = help: mend the file in a text editor until it is a notebook again, then `git add` it
    "##);
    let text = case.read("out.ipynb");
    assert!(text.contains("The very first.") && text.contains("\"# Demo\n"), "{text}");
}

#[test]
fn a_notebook_that_both_sides_added() {
    needs!("git");
    let add = |source: &'static str| {
        move |tree: &Tree| {
            let text = notebook(&format!("--- a\nlet a = 1;\n--- b\n{source}"));
            tree.case.write("notebooks/01_new.ipynb", text);
        }
    };
    let tree = branches(add("let b = 1;"), add("let b = 2;"));
    assert_eq!(tree.try_git("merge --no-edit other").code, Some(1));
    let text = tree.case.read("notebooks/01_new.ipynb");
    assert_eq!(cells(&text)[1].1, "<<<<<<< HEAD\nlet b = 1;\n=======\nlet b = 2;\n>>>>>>> other");
}

#[test]
fn rebase_cherry_pick_and_stash() {
    needs!("git");
    let ours = |tree: &Tree| tree.edit("\"# Demo\"", "\"# A demo\"");
    let theirs = |tree: &Tree| tree.edit("pub fn two()", "pub const fn two()");
    let both = |tree: &Tree| {
        assert_eq!(tree.cell("title"), "# A demo");
        assert_eq!(tree.cell("two"), "//| export\npub const fn two() -> u8 { 2 }");
        let run = tree.run("--check");
        assert_eq!(run.code, Some(0), "{run}");
    };
    let tree = branches(ours, theirs);
    tree.git("rebase --quiet other");
    both(&tree);

    let tree = branches(ours, theirs);
    tree.git("cherry-pick other");
    both(&tree);

    let tree = branches(|_| (), |_| ());
    ours(&tree);
    tree.run("");
    tree.git("stash");
    theirs(&tree);
    tree.commit("theirs");
    tree.git("stash pop --quiet");
    both(&tree);

    // In conflict, and solved.
    let tree = branches(|tree| tree.edit("{ 2 }", "{ 4 / 2 }"), |tree| tree.edit("{ 2 }", "{ 1 + 1 }"));
    assert_eq!(tree.try_git("rebase other").code, Some(1));
    tree.solve(|line| is_marker(line) || line.contains("4 / 2"));
    assert_eq!(tree.run("").code, Some(0));
    tree.git("add --all");
    tree.try_git("rebase --skip");
    assert_eq!(tree.cell("two"), "//| export\npub fn two() -> u8 { 1 + 1 }");
}

#[test]
fn neighbouring_cells_and_cells_with_one_setup_are_merged_in_the_module_too() {
    needs!("git");
    let case = "
        --- one
        //| export
        pub fn one() -> u8 { 1 }
        --- two
        //| export
        pub fn two() -> u8 { 2 }
        --- start
        //| setup
        let start = 1;
        --- check
        //| test check
        assert_eq!(one(), start);
    ";
    let tree = Tree::new(case);
    tree.git("switch --quiet --create other");
    tree.edit("{ 1 }", "{ 2 - 1 }");
    tree.edit("let start = 1;", "let start = 0 + 1;");
    tree.commit("theirs");
    tree.git("switch --quiet main");
    tree.edit("{ 2 }", "{ 1 + 1 }");
    tree.edit("assert_eq!(one(), start);", "assert_eq!(start, one());");
    tree.commit("ours");
    let merge = tree.try_git("merge --no-edit other");
    assert_eq!(merge.code, Some(0), "{merge}");
    assert_eq!(tree.run("--check").code, Some(0));
}

#[test]
fn a_module_that_somebody_typed_into_is_merged_as_text() {
    needs!("git");
    let tree = Tree::new(CELLS);
    let commit = |text: &str| {
        tree.case.write(MODULE, text);
        tree.git("commit --quiet --all --no-verify --message module");
    };
    let module = tree.case.read(MODULE);
    tree.git("switch --quiet --create other");
    tree.edit("{ 2 }", "{ 1 + 1 }");
    tree.commit("theirs");
    tree.git("switch --quiet main");
    commit(&module.replace("{ 2 }", "{ 2 } // mine"));
    tree.try_git("merge --no-edit other");
    let module = tree.case.read(MODULE);
    assert!(module.contains("<<<<<<< HEAD\n") && module.contains("// mine"), "{module}");
}

#[test]
fn git_show_and_log_read_by_cell() {
    needs!("git");
    let tree = Tree::new(CELLS);
    tree.edit("{ 2 }", "{ 1 + 1 }");
    tree.edit(
        "\"outputs\": []",
        "\"outputs\": [{\"output_type\": \"stream\", \"name\": \"stdout\", \"text\": \"a\\nb\\n\"}]",
    );
    tree.commit("two");
    let shown = tree.git("show --format=%s -- notebooks");
    let shown: Vec<&str> = shown.lines().filter(|line| !line.starts_with("index ")).collect();
    assert_snapshot!(shown.join("\n"), @"
    two

    diff --git a/notebooks/00_demo.ipynb b/notebooks/00_demo.ipynb
    --- a/notebooks/00_demo.ipynb
    +++ b/notebooks/00_demo.ipynb
    @@ -8,10 +8,11 @@ one
         // The first.
         first
     }
    +// outputs: stdout (2 lines)
     
     // %% two
     //| export
    -pub fn two() -> u8 { 2 }
    +pub fn two() -> u8 { 1 + 1 }
     
     // %% check
     //| test check
    ");
    assert!(tree.git("log -p -- notebooks").contains("+pub fn two() -> u8 { 1 + 1 }\n"));
    tree.case.write("notebooks/00_demo.ipynb", "{ no notebook");
    tree.git("add --all");
    tree.git("commit --quiet --no-verify --message broken");
    assert!(tree.git("show -- notebooks").contains("\n+{ no notebook\n"));
}

#[test]
fn the_lines_of_an_earlier_nbexport_are_brought_up_to_date() {
    needs!("git");
    let tree = Tree::bare(CELLS);
    tree.run("hooks install");
    let now = tree.case.read(".gitattributes");
    tree.case.replace(".gitattributes", "\n**/src/nb_*.rs merge=nbexport", "");
    let run = tree.run("hooks install");
    assert_eq!(run.stdout, "`.gitattributes` was brought up to date\n");
    assert_eq!(tree.case.read(".gitattributes"), now);
}

/// `default_exp`, `bin` and `bench` make files that are not called `src/nb_*.rs`.
#[test]
fn generated_files_of_any_name_are_merged_by_nbexport() {
    needs!("git");
    let tree = Tree::bare("--- f\n//| export\npub fn f() {}");
    tree.commit("exported");
    tree.run("hooks install");
    tree.edit("//| export\\n", "//| export mathy\\n");
    tree.case.replace(
        NOTEBOOK,
        "\"cells\": [",
        "\"cells\": [{\"cell_type\": \"code\", \"id\": \"t\", \"metadata\": {}, \
        \"execution_count\": null, \"outputs\": [], \"source\": \"//| bin tool\\nfn main() {}\"},",
    );
    tree.commit("elsewhere");
    let run = tree.run("hooks install");
    assert_eq!(run.stdout, "`.gitattributes` was brought up to date\n");
    let files = "exp/src/nb_00.rs exp/src/mathy.rs exp/src/bin/tool.rs exp/src/lib.rs";
    let said = tree.git(&format!("check-attr merge {files}"));
    let drivers: Vec<&str> = said.lines().filter_map(|line| line.rsplit(' ').next()).collect();
    assert_eq!(drivers, ["nbexport", "nbexport", "nbexport", "unspecified"], "{said}");
    assert_eq!(tree.run("hooks install").stdout, "nothing to do\n");
    tree.run("hooks uninstall");
    assert!(!tree.case.has(".gitattributes"));
}

#[test]
fn a_module_in_conflict_that_somebody_edited_is_not_overwritten() {
    needs!("git");
    let tree = branches(|tree| tree.edit("{ 2 }", "{ 4 / 2 }"), |tree| tree.edit("{ 2 }", "{ 1 + 1 }"));
    // As where nbexport's driver is not installed.
    tree.case.write(".git/info/attributes", "*.rs merge=text\n");
    tree.try_git("merge --no-edit other");
    // What is in conflict is not brought back into the notebook either.
    let before = tree.case.read(NOTEBOOK);
    tree.solve(|line| is_marker(line) || line.contains("4 / 2"));
    let solved = tree.case.read(NOTEBOOK);
    let run = tree.run("sync --theirs");
    assert!(run.code == Some(1) && run.stderr.contains("so nothing of it was brought back"), "{run}");
    assert!(solved == tree.case.read(NOTEBOOK) && solved != before);
    let module = tree.case.read(MODULE);
    tree.case.write(MODULE, format!("{module}\npub fn mine() {{}}\n"));
    assert_snapshot!(tree.run(""), @"
    exit status 1
    --- stdout
    notebooks/00_demo.ipynb: not exported, 1 error
    --- stderr
    error: `exp/src/nb_00.rs` holds git's conflict markers, so it was not overwritten
     |
     = note: edited by hand, on one of its sides or after the merge: line 37
     = help: bring those edits into the notebook, or drop them: `nbexport export --force`
    ");
    // After `git add` the markers alone tell the sides apart.
    tree.case.write(MODULE, module);
    tree.git("add --all");
    assert_eq!(tree.run("").code, Some(0));
}

#[test]
fn a_linked_worktree_has_drivers_and_hooks() {
    needs!("git");
    let tree = branches(
        |tree| tree.edit("\"# Demo\"", "\"# A demo\""),
        |tree| tree.edit("pub fn two", "pub const fn two"),
    );
    tree.git("worktree add --quiet -b third linked");
    let folder = tree.case.path("linked");
    let in_linked = |program: &str, arguments: &str| {
        let mut command = command(program, &folder);
        command.args(arguments.split_whitespace());
        tree.told(command)
    };
    let run = in_linked("git", "merge --quiet --no-edit other");
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(cells(&tree.case.read(&format!("linked/{NOTEBOOK}")))[0].1, "# A demo");
    let run = in_linked(env!("CARGO_BIN_EXE_nbexport"), "hooks install");
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), "nothing to do\n"), "{run}");
    // The check before a commit is the same there.
    tree.case.replace(&format!("linked/{NOTEBOOK}"), "{ 2 }", "{ 1 + 1 }");
    in_linked("git", "add --all");
    let run = in_linked("git", "commit --message stale");
    assert!(run.code == Some(1) && run.stderr.contains("the crate is not what the notebooks say"), "{run}");
}

#[test]
fn the_hook_checks_what_is_staged() {
    needs!("git");
    let tree = Tree::new(CELLS);
    tree.edit("{ 2 }", "{ 1 + 1 }");
    tree.git("add --all");
    assert_snapshot!(tree.try_git("commit --message stale"), @"
    exit status 1
    --- stderr
    --- a/exp/src/nb_00.rs
    +++ b/exp/src/nb_00.rs
    @@ -10,9 +10,9 @@
         first
     }
     
    -// %% 00_demo.ipynb two a21cbf4b
    +// %% 00_demo.ipynb two e8152829
     //| export
    -pub fn two() -> u8 { 2 }
    +pub fn two() -> u8 { 1 + 1 }
     
     // %% 00_demo.ipynb tests a8d0336c
     #[cfg(test)]
    error: the crate is not what the notebooks say
     |
     = help: run `nbexport` and commit the result
    ");
    // Fixed in the work tree, but not staged.
    tree.run("");
    assert_eq!(tree.try_git("commit --message stale").code, Some(1));
    tree.git("add --all");
    tree.git("commit --quiet --message fresh");
    // Broken in the work tree, but not staged.
    tree.case.write("README.md", "Read me.\n");
    tree.git("add --all");
    tree.edit("{ 1 + 1 }", "{ ");
    tree.git("commit --quiet --message readme");
}

#[test]
fn install_and_uninstall_leave_no_trace() {
    needs!("git");
    let tree = Tree::bare(CELLS);
    let hook = "#!/bin/sh\necho checked by the old hook\n";
    let files = || {
        let mut files = tree.case.files(".git");
        files.extend(tree.case.files(".").into_iter().filter(|(name, _)| name == "./.gitattributes"));
        files
    };
    for attributes in [None, Some(""), Some("* text=auto\n"), Some("* text=auto")] {
        let _ = std::fs::remove_file(tree.case.path(".gitattributes"));
        if let Some(text) = attributes {
            tree.case.write(".gitattributes", text);
        }
        tree.case.write(".git/hooks/pre-commit", hook);
        executable(&tree.case.path(".git/hooks/pre-commit"));
        let before = files();
        assert_eq!(tree.run("hooks install").code, Some(0));
        let installed = files();
        assert_ne!(before, installed);
        assert_eq!(tree.run("hooks install").stdout, "nothing to do\n");
        assert!(installed == files(), "installing twice changed something");
        assert_eq!(tree.run("hooks uninstall").code, Some(0));
        let after = files();
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        assert!(before == after, "{:?}", tree.git("config --list --local"));
        assert_eq!(tree.run("hooks uninstall").stdout, "nothing to do\n");
    }
}

fn executable(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn a_hook_that_is_there_runs_first_and_may_refuse() {
    needs!("git");
    let tree = Tree::bare(CELLS);
    tree.case.write(".githooks/pre-commit", "#!/bin/sh\necho the old hook runs >&2\n[ ! -e refuse ]\n");
    executable(&tree.case.path(".githooks/pre-commit"));
    tree.git("config core.hooksPath .githooks");
    assert_snapshot!(tree.run("hooks install"), @"
    exit status 0
    --- stdout
    `diff.nbexport.command` is `nbexport diff --git-driver --`
    `diff.nbexport.textconv` is `nbexport diff --textconv --`
    `merge.nbexport.driver` is `nbexport merge %O %A %B --out %A --marker-size %L --path=%P --ours-label=%X --theirs-label=%Y`
    `filter.nbexport.clean` is `nbexport clean -`
    `merge.nbexport.name` is `notebooks, cell by cell, and their modules`
    `diff.nbexport.xfuncname` is `^// %% (.*)$`
    `.gitattributes` says: *.ipynb diff=nbexport merge=nbexport filter=nbexport
    `.gitattributes` says: **/src/nb_*.rs merge=nbexport
    a pre-commit hook checks the staged notebooks, after the hook that was there
    ");
    assert!(!tree.case.has(".git/hooks/pre-commit"));
    tree.git("add notebooks exp Cargo.toml .gitattributes");
    let run = tree.try_git("commit --message begin");
    assert!(run.code == Some(0) && run.stderr.contains("the old hook runs"), "{run}");
    tree.case.write("refuse", "");
    tree.edit("{ 2 }", "{ 1 + 1 }");
    tree.git("add notebooks");
    let run = tree.try_git("commit --message refused");
    assert!(run.code == Some(1) && !run.stderr.contains("the crate is not"), "{run}");
    std::fs::remove_file(tree.case.path("refuse")).unwrap();
    let run = tree.try_git("commit --message stale");
    assert!(run.code == Some(1) && run.stderr.contains("the crate is not what the notebooks say"), "{run}");
}

#[test]
fn lines_that_came_with_a_commit_stay() {
    needs!("git");
    let grace = Tree::new(CELLS).clone("Grace");
    let run = grace.run("hooks uninstall");
    assert!(run.code == Some(0) && !run.stdout.contains(".gitattributes"), "{run}");
    assert_eq!(grace.git("status --porcelain"), "");
}

#[test]
fn a_setting_that_somebody_made_is_kept() {
    needs!("git");
    let tree = Tree::bare(CELLS);
    tree.git("config merge.nbexport.driver mine");
    let run = tree.run("hooks install");
    assert!(run.stderr.contains("`merge.nbexport.driver` is `mine`, so it was kept"), "{run}");
    tree.run("hooks uninstall");
    assert_eq!(tree.git("config merge.nbexport.driver"), "mine\n");
}

#[test]
fn a_submodule_has_its_own() {
    needs!("git");
    let inner = Tree::new(CELLS);
    let outer = Tree::bare(CELLS);
    outer.git(&format!("-c protocol.file.allow=always submodule --quiet add {} sub", inner.folder.display()));
    let mut install = command(env!("CARGO_BIN_EXE_nbexport"), &outer.case.path("sub/notebooks"));
    install.args(["hooks", "install"]);
    let run = outer.told(install);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(outer.case.has(".git/modules/sub/hooks/pre-commit"));
    assert!(!outer.case.has(".git/hooks/pre-commit") && !outer.case.has(".gitattributes"));
}

#[test]
fn the_filter_keeps_what_a_run_wrote_out_of_git_and_passes_conflicts() {
    needs!("git");
    let tree = Tree::new(CELLS);
    tree.edit("\"execution_count\": null", "\"execution_count\": 7");
    assert_eq!(tree.git("status --porcelain --untracked-files=no"), " M notebooks/00_demo.ipynb\n");
    tree.git("add --all");
    assert_eq!(tree.git("status --porcelain"), "");
    assert!(tree.case.read(NOTEBOOK).contains("\"execution_count\": 7"));
    tree.edit("{\n", "<<<<<<< HEAD\n{\n");
    tree.git("add --all");
    assert!(tree.git(&format!("show :{NOTEBOOK}")).starts_with("<<<<<<< HEAD\n{\n"));
}

#[test]
fn outside_of_a_repository() {
    let case = Case::of(CELLS);
    for arguments in ["hooks install", "hooks uninstall", "diff notebooks/00_demo.ipynb"] {
        let run = case.run(arguments);
        assert!(run.code == Some(2) && run.stderr.contains("= help: "), "{run}");
    }
}
