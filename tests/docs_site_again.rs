//! `nbexport docs` on a site that is there: what did not change is kept, and nobody can tell.

use crate::docs_site::{code, markdown, notebook, result, site};
use crate::support::{Case, Run};

/// All files of a site.
fn pages(case: &Case, folder: &str) -> std::collections::BTreeMap<String, Vec<u8>> {
    case.files(folder).into_iter().map(|(name, bytes)| (name.replacen(folder, "", 1), bytes)).collect()
}

/// A site made anew from what is kept is the one that is made from nothing.
#[track_caller]
fn is_as_if_made_from_nothing(case: &Case) -> Run {
    let run = site(case);
    let copy = case.copy();
    for gone in ["site", "target"] {
        let _ = std::fs::remove_dir_all(copy.path(gone));
    }
    assert!(!copy.has("site") && !copy.has("target"));
    let fresh = site(&copy);
    assert_eq!((run.code, &run.stderr), (fresh.code, &fresh.stderr), "{run}\n{fresh}");
    let (kept, fresh) = (pages(case, "site"), pages(&copy, "site"));
    assert_eq!(kept.keys().collect::<Vec<_>>(), fresh.keys().collect::<Vec<_>>());
    for (name, bytes) in &kept {
        assert!(*bytes == fresh[name], "{name} is another");
    }
    run
}

#[test]
fn pages_of_what_did_not_change_are_kept_and_the_site_is_as_if_made_from_nothing() {
    let book = |title: &str, text: &str| {
        let picture = result("image/png", "iVBORw==");
        let text = format!("# {title}\n\nWhat's `\\'said'` of {title}.\n\n## Part\n\n{text}");
        notebook(&[markdown(&text), code("//| export\npub fn f() {}", &[picture])])
    };
    let case = Case::new()
        .file("README.md", "# Course\n\nIts [picture](data/a.txt).")
        .file("data/a.txt", "a")
        .file("notebooks/01_a.ipynb", &book("One", "See [three](03_c.ipynb#Part), [a](../data/a.txt)."))
        .file("notebooks/02_b.ipynb", &book("Two", "repeat repeat repeat repeat repeat"))
        .file("notebooks/03_c.ipynb", &book("Three", "Unique: zebra."))
        .file("notebooks/04_d.ipynb", &book("Four", "[Two](02_b.ipynb)."))
        .file("notebooks/05_e.ipynb", &book("Five", "The end."));
    is_as_if_made_from_nothing(&case);
    assert_eq!(made(&case).len(), 5);
    is_as_if_made_from_nothing(&case);
    assert!(made(&case).is_empty());
    case.replace("notebooks/04_d.ipynb", "[Two]", "Changed: okapi's. [Two]");
    is_as_if_made_from_nothing(&case);
    assert_eq!(made(&case), ["04_d.md"]);
    let changes: [(&str, &dyn Fn()); 7] = [
        ("a title, in its neighbours' links", &|| case.replace("notebooks/03_c.ipynb", "# Three", "# Third")),
        ("a file that a page copies", &|| case.write("data/a.txt", "b")),
        ("a page that somebody spoiled", &|| case.write("site/02_b.html", "spoiled")),
        ("a picture that is gone", &|| {
            std::fs::remove_file(case.path("site/images/05_e/cell-2-1.png")).unwrap();
        }),
        ("a heading that another page leads to", &|| {
            case.replace("notebooks/03_c.ipynb", "## Part", "## Piece");
        }),
        ("a notebook that others lead to", &|| {
            std::fs::remove_file(case.path("notebooks/02_b.ipynb")).unwrap();
        }),
        ("a setting", &|| {
            let table = "[workspace.metadata.nbexport]\n";
            case.replace("Cargo.toml", table, &format!("{table}docs = {{ title = \"Other\" }}\n"));
        }),
    ];
    for (what, change) in changes {
        change();
        eprintln!("changed: {what}");
        is_as_if_made_from_nothing(&case);
    }
}

/// The pages that the last run had made, by what it gave mdBook.
fn made(case: &Case) -> Vec<String> {
    let folder = "target/nbexport/docs/book/src";
    let names = ["01_a.md", "02_b.md", "03_c.md", "04_d.md", "05_e.md"];
    names
        .iter()
        .filter(|name| !case.read(&format!("{folder}/{name}")).is_empty())
        .map(|it| (*it).to_owned())
        .collect()
}
