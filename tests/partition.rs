//! `nbexport test --partition`: shares of the notebooks, for machines that work side by side.

use std::collections::{BTreeMap, BTreeSet};

use quick_junit::Report;

use crate::support::Case;

/// Four notebooks of one cell; the third one's fails.
fn project() -> Case {
    (0..4).fold(Case::new(), |case, number| {
        let expected = if number == 2 { 7 } else { number };
        case.notebook(&format!("0{number}_n"), &format!("--- c\nassert_eq!({number}, {expected});"))
    })
}

/// The notebooks that a run told of, each with what it printed of it.
fn told(case: &Case, arguments: &str) -> BTreeMap<String, serde_json::Value> {
    let run = case.run(&format!("test --format json --no-fail-fast {arguments}"));
    assert!(matches!(run.code, Some(0 | 1)), "{run}");
    let lines = run.stdout.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines
        .map(|mut line| {
            for cell in line["cells"].as_array_mut().unwrap() {
                cell["seconds"].take();
            }
            (line["notebook"].as_str().unwrap().to_owned(), line["cells"].clone())
        })
        .collect()
}

/// The suites of a JUnit report without their times, by name.
fn suites(case: &Case, file: &str) -> BTreeMap<String, String> {
    let report = Report::deserialize_from_str(&case.read(file)).unwrap();
    assert_eq!(report.name.as_ref().map(quick_junit::XmlString::as_str), Some("nbexport"));
    let said = |suite: &quick_junit::TestSuite| {
        let cases =
            suite.test_cases.iter().map(|case| format!("{}: {:?}\n", case.name.as_str(), case.status));
        (suite.name.as_str().to_owned(), cases.collect())
    };
    report.test_suites.iter().map(said).collect()
}

#[test]
fn shares_are_disjoint_and_together_give_all_verdicts_and_all_of_the_report() {
    let case = project();
    let all = told(&case, "--junit all.xml");
    assert_eq!(all.len(), 4);
    for (kind, of) in [("slice", 2), ("slice", 3), ("slice", 5), ("hash", 3)] {
        let (mut union, mut merged) = (BTreeMap::new(), BTreeMap::new());
        for share in 1..=of {
            for (name, cells) in told(&case, &format!("--partition {kind}:{share}/{of} --junit share.xml")) {
                assert_eq!(union.insert(name.clone(), cells), None, "{name} is in two shares");
            }
            merged.extend(suites(&case, "share.xml"));
        }
        assert_eq!(union, all, "{kind} of {of}");
        assert_eq!(merged, suites(&case, "all.xml"), "{kind} of {of}");
    }
}

#[test]
fn a_slice_is_as_long_as_another_by_the_times_in_a_file() {
    let case = project();
    let line = |name: &str, seconds: f64| {
        format!("{{\"notebook\":\"notebooks/{name}_n.ipynb\",\"seconds\":{seconds}}}\n")
    };
    // What several machines printed, one after the other; the last word counts.
    case.write(
        "times",
        line("00", 1.0) + &line("01", 1.0) + &line("02", 2.5) + &line("03", 99.0) + &line("03", 1.0),
    );
    let share = |number: u32| -> Vec<String> {
        let run = case.run(&format!("test --timings-file times --no-fail-fast --partition slice:{number}/2"));
        let names = run.stdout.lines().filter_map(|line| Some(line.split_once("_n.ipynb: ")?.0.to_owned()));
        // They run side by side.
        names.collect::<BTreeSet<_>>().into_iter().collect()
    };
    assert_eq!(share(1), ["notebooks/02"]);
    assert_eq!(share(2), ["notebooks/00", "notebooks/01", "notebooks/03"]);
    // A share changes no times, or the next one would deal out other notebooks.
    assert!(case.read("times").contains("99"));
    assert_eq!(case.run("test --timings-file times --no-fail-fast").code, Some(1));
    let after = case.read("times");
    assert!(
        !after.contains("99") && after.contains("02_n.ipynb\",\"seconds\":2.5"),
        "a failed run tells no time: {after}"
    );
}

#[test]
fn a_partition_that_is_none_is_told_with_one_that_is() {
    let case = Case::new();
    for (partition, said) in [
        ("count:1/4", "write `slice:1/4`"),
        ("slice:5/4", "the last one is 4/4"),
        ("slice:0/4", "write `slice:1/4` for the first of four shares"),
        ("half", "write `slice:1/4` for the first of four shares"),
        ("time:1/2", "there is no partition `time:`"),
    ] {
        let run = case.run(&format!("test --partition {partition}"));
        assert!(run.code == Some(2) && run.stderr.contains(said), "{run}");
    }
}

#[test]
fn a_file_of_times_is_no_notebook() {
    let case = project();
    let run = case.run("test --timings-file notebooks/00_n.ipynb");
    assert!(run.code == Some(2) && run.stderr.contains("is no file of times: line 1"), "{run}");
}
