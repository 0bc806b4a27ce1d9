//! What somebody types into a line that nbexport writes: a marker, the first line, the brace below the tests.

use sha2::Digest as _;

use crate::support::Case;

const NOTEBOOK: &str = "notebooks/00_demo.ipynb";
const MODULE: &str = "exp/src/nb_00.rs";

fn exported() -> Case {
    let case = Case::of(
        "
        --- title markdown
        # Demo
        --- first-cell
        //| export
        pub fn one() -> u8 { 1 }
        --- two
        //| export
        pub fn two() -> u8 { 2 }
        --- sum
        //| test sum
        assert_eq!(one() + two(), 3);
    ",
    );
    case.export();
    case
}

/// The lines that are nbexport's own.
fn own_lines(module: &str) -> Vec<&str> {
    let is_own = |line: &&str| line.starts_with("// @generated") || line.trim_start().starts_with("// %% ");
    module.lines().filter(is_own).collect()
}

#[test]
fn what_is_typed_into_a_marker_or_the_first_line_is_told_and_stays() {
    let case = exported();
    let module = case.read(MODULE);
    for line in own_lines(&module) {
        let words: Vec<usize> = line.match_indices(' ').map(|(at, _)| at).collect();
        let inside = words.iter().flat_map(|at| [*at, at + 2]).filter(|at| *at < line.len());
        for at in inside.chain([0, line.len()]) {
            for typed in ["typed", " // typed "] {
                // A folder of another name is a notebook that was moved.
                if line.starts_with("// @generated")
                    && line[at..].starts_with("otebooks/")
                    && typed == "typed"
                {
                    continue;
                }
                let edited = format!("{}{typed}{}", &line[..at], &line[at..]);
                case.write(MODULE, module.replacen(line, &edited, 1));
                let files = case.files(".");
                for command in ["sync", ""] {
                    let run = case.run(command);
                    assert_eq!(run.code, Some(1), "{edited}\n{command}: {run}");
                    assert!(files == case.files("."), "{edited}\n{command} wrote something: {run}");
                    assert!(run.stderr.contains("= help: "), "{edited}\n{command}: {run}");
                }
            }
        }
    }
}

#[test]
fn a_marker_that_was_typed_into_is_shown_with_what_to_do() {
    let case = exported();
    case.replace(MODULE, "first-cell ", "first-cell-typed ");
    let run = case.run("sync");
    assert!(run.stderr.contains("somebody typed into line 5 of `exp/src/nb_00.rs`"), "{run}");
    assert!(run.stderr.contains("the line: `// %% 00_demo.ipynb first-cell-typed "), "{run}");
}

/// Nothing but the marker knows of that cell any more.
#[test]
fn what_is_typed_into_the_marker_of_a_cell_that_is_deleted_then_stays() {
    for at in ["fir", "first-", "first-cell"] {
        let case = exported();
        case.replace(MODULE, &format!(" {at}"), &format!(" {at}typed"));
        let cells = case
            .read(NOTEBOOK)
            .replace("//| export\\n\",\n    \"pub fn one()", "//| hide\\n\",\n    \"pub fn one()");
        case.write(NOTEBOOK, cells.replace("first-cell", "another").replace("one() + two(), 3", "two(), 2"));
        let files = case.files(".");
        for command in ["", "sync"] {
            let run = case.run(command);
            assert!(run.code == Some(1) && run.stderr.contains("typed"), "{at}, {command}: {run}");
            assert!(files == case.files("."), "{at}, {command} wrote something: {run}");
        }
    }
}

/// Before 0.1 a marker's hash was of the text alone.
#[test]
fn a_module_with_the_hashes_of_an_earlier_nbexport_is_not_taken_for_edited() {
    let case = exported();
    let hash = |text: &str| {
        let digest = sha2::Sha256::digest(text);
        format!("{:08x}", u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
    };
    let text = "//| export\npub fn one() -> u8 { 1 }";
    let now = case.read(MODULE);
    let marker = |id: &str| now.lines().find(|line| line.contains(&format!(" {id} "))).unwrap().to_owned();
    let old = format!("{} {}", marker("first-cell").rsplit_once(' ').unwrap().0, hash(text));
    let earlier = now.replace(&marker("first-cell"), &old);
    assert_ne!(earlier, now);
    case.write(MODULE, &earlier);
    case.export();
    assert_eq!(case.read(MODULE), now);
    // Nor for edited in the notebook, where the module was.
    case.write(MODULE, earlier.replace("{ 1 }", "{ 4 - 3 }"));
    let run = case.run("sync");
    assert!(run.code == Some(0) && case.read(NOTEBOOK).contains("{ 4 - 3 }"), "{run}");
}

#[test]
fn a_notebook_that_was_renamed_or_moved_is_no_edit() {
    for new in ["notebooks/00_de.ipynb", "notebooks/00_demo_more.ipynb", "notebooks/deep/00_demo.ipynb"] {
        let case = exported();
        std::fs::create_dir_all(case.path("notebooks/deep")).unwrap();
        std::fs::rename(case.path(NOTEBOOK), case.path(new)).unwrap();
        let run = case.run("sync");
        assert!(run.code == Some(0) && run.stderr.is_empty(), "{new}: {run}");
        case.export();
        assert!(case.read(MODULE).contains(new), "{new}");
        assert_eq!(case.run("--check").code, Some(0), "{new}");
    }
}

#[test]
fn blanks_behind_the_brace_below_the_tests_are_no_edit() {
    for end in ["} ", "}\t", "}  \n \n", "}\n\n\n"] {
        let case = exported();
        let module = case.read(MODULE);
        case.write(MODULE, format!("{}{end}", module.trim_end().strip_suffix('}').unwrap()));
        let run = case.run("sync");
        assert!(run.code == Some(0) && run.stderr.is_empty(), "{end:?}: {run}");
        case.export();
        assert_eq!(case.read(MODULE), module, "{end:?}");
    }
}

#[test]
fn blanks_behind_the_last_tests_own_brace_are_brought_in() {
    let case = exported();
    let module = case.read(MODULE);
    case.write(MODULE, module.replace("    }\n}\n", "    }  \n}  \n"));
    let run = case.run("sync");
    assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    case.export();
    assert_eq!(case.read(MODULE), module);
}
