//! Kernels on a real Jupyter Server and on a real Kernel Gateway: verdicts, outputs and what is left behind are those of
//! a kernel of this machine.
//!
//! The servers come from `target/jupyter`, a Python environment that `.ci/run` makes. Without it, or without a kernel,
//! these tests are passed over, and say so; `NBEXPORT_REQUIRE_SERVER=1` makes that a failure.

mod fake;
mod jupyter;
mod proxy;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use nbexport::run::kernel::{Host, KernelOptions, Server, Token};

use crate::support::{Case, ends, kill};
use crate::table::hold_in_kernels;
use crate::verdicts::{Row, rows};
use fake::fake;
use jupyter::{Jupyter, TOKEN, gateway, server, server_that_limits};
use proxy::Proxy;

/// Runs these rows of the table of verdicts on a server: what is said there is what a kernel of this machine says. One
/// server after the other: two kernels at once are enough for a small machine.
fn holds(jupyter: &Jupyter, rows: &[Row]) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    let token = Token::find(Some(&jupyter.token_file)).unwrap();
    let server = Server::connect(&jupyter.url(), token, None, "").unwrap();
    hold_in_kernels(&KernelOptions::new(Host::Server(server), ""), rows);
    assert_eq!(jupyter.kernels(), "[]");
}

#[test]
fn a_jupyter_server_gives_the_verdicts_that_are_right() {
    if let Some(jupyter) = server() {
        holds(&jupyter, &rows());
    }
}

/// A third of the rows: the Gateway is made of the Jupyter Server, which is asked for all, and each takes minutes.
#[test]
fn a_kernel_gateway_gives_the_verdicts_that_are_right() {
    if let Some(jupyter) = gateway() {
        holds(&jupyter, &rows().into_iter().step_by(3).collect::<Vec<_>>());
    }
}

/// Runs `check` on both.
fn both(check: impl Fn(&Jupyter)) {
    for jupyter in [server(), gateway()].into_iter().flatten() {
        check(&jupyter);
    }
}

/// A notebook without the number of the thread that panicked, which differs from run to run.
fn without_thread(notebook: &str) -> String {
    let (before, after) = notebook.split_once("thread '<unnamed>' (").unwrap();
    format!("{before}{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// The outputs, the numbers of the cells, the place of a panic in an earlier cell's function: all is as it is here.
#[test]
fn a_run_on_a_server_writes_and_tells_what_a_run_here_does() {
    let case = Case::of(
        "
        --- prints
        println!(\"one\");
        eprintln!(\"two\");
        --- reads
        std::fs::read_to_string(\"00_demo.ipynb\")?.contains(\"reads\")
        --- defines
        fn check(x: i32) {
            assert_eq!(x, 2, \"x is off\");
        }
        --- fails
        check(1);
        --- after
        vec![1, 2]
        ",
    );
    let file = "notebooks/00_demo.ipynb";
    let before = case.read(file);
    both(|jupyter| {
        let runs = [case.run("run --no-fail-fast"), {
            std::fs::rename(case.path(file), case.path("here.ipynb")).unwrap();
            case.write(file, &before);
            jupyter.run(&case, "run --no-fail-fast")
        }];
        let written = |name: &str| without_thread(&case.read(name));
        assert_eq!(written(file), written("here.ipynb"), "{}", runs[1]);
        assert_eq!(runs[1].stderr, runs[0].stderr);
        assert_eq!(runs[1].code, Some(1));
        assert!(runs[0].stderr.contains("00_demo.ipynb:cell 3:2:5"), "{}", runs[0]);
        case.write(file, &before);
    });
}

/// What of the project's profile the kernel is told, wherever it runs.
#[test]
fn cells_on_a_server_are_compiled_as_the_project_says() {
    let case = Case::of("--- checks\nassert!(!cfg!(debug_assertions));");
    let with = "[workspace.metadata.nbexport]\nprofile = { debug-assertions = false }";
    case.replace("Cargo.toml", "[workspace.metadata.nbexport]", with);
    both(|jupyter| {
        let run = jupyter.run(&case, "test");
        assert!(run.code == Some(0) && run.stderr.is_empty(), "{run}");
    });
}

#[test]
fn a_crate_that_is_not_on_the_server_is_named_before_a_cell_runs() {
    let case = Case::of(
        "
        --- writes
        std::fs::write(\"ran\", \"\")?;
        --- here
        :dep exp = { path = \"../exp\" }
        --- elsewhere
        :dep geo = { path = \"../it's geo\" }
        ",
    );
    both(|jupyter| {
        let run = jupyter.run(&case, "test");
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.contains("the server has no crate at `../it's geo`"), "{run}");
        assert!(run.stderr.contains("00_demo.ipynb:cell 3:1:1") && !run.stderr.contains("cell 2"), "{run}");
        assert!(!case.has("notebooks/ran"));
    });
}

#[test]
fn a_server_that_has_not_the_notebooks_folder_says_where_cells_run() {
    let case = Case::of("--- here\n1 + 1");
    if let Some(jupyter) = server() {
        let mut command =
            case.command(&format!("test --server {} --server-dir no-such-folder", jupyter.url()));
        command.env("JUPYTER_TOKEN", TOKEN);
        let run = jupyter.told(&case, command);
        assert!(
            run.code == Some(0) && run.stderr.contains("has no folder `no-such-folder/notebooks`"),
            "{run}"
        );
    }
}

/// A Jupyter Server lets a client in before it listens to a kernel that is busy, be it with the server's own greeting.
#[test]
fn a_server_that_begins_late_to_pass_on_what_a_kernel_publishes_is_waited_for() {
    let case = Case::of("--- here\n1 + 1");
    both(|jupyter| {
        let proxy = Proxy::to(&jupyter.url()).deaf_for(Duration::from_secs(3));
        let run = jupyter.told(&case, jupyter.command(&case, "test", &proxy.url()));
        assert!(run.code == Some(0) && run.stdout.contains("1 cell passed"), "{run}");
    });
}

#[test]
fn a_kernel_of_which_nothing_is_heard_is_replaced_by_another() {
    let case = Case::of("--- here\n1 + 1");
    if let Some(jupyter) = server() {
        let proxy = Proxy::to(&jupyter.url()).deaf_to_the_first();
        let run = jupyter.told(&case, jupyter.command(&case, "test", &proxy.url()));
        assert!(run.code == Some(0) && run.stdout.contains("1 cell passed"), "{run}");
        assert!(run.stderr.contains("it answers, but what it publishes was not heard"), "{run}");
        assert!(run.stderr.contains("another one took its place"), "{run}");
    }
}

/// A cell that never ends; `pid` has the process it runs in.
const HANGS: &str =
    "--- hangs\nprintln!(\"here\");\nstd::fs::write(\"pid\", std::process::id().to_string())?;\nloop {}";

#[test]
fn a_cell_that_hangs_is_interrupted_and_its_kernel_deleted() {
    let case = Case::of(HANGS);
    both(|jupyter| {
        let run = jupyter.run(&case, "test --timeout 30");
        assert_eq!(run.code, Some(1), "{run}");
        assert!(run.stderr.contains("the cell did not end within 30 s"), "{run}");
        assert!(run.stderr.contains("it printed:\n          here"), "{run}");
        ends(&case.read("notebooks/pid"));
    });
}

/// Waits until a cell has written this file.
fn wait_for(case: &Case, name: &str) {
    let start = Instant::now();
    while std::fs::read_to_string(case.path(name)).unwrap_or_default().is_empty() {
        assert!(start.elapsed() < Duration::from_mins(5), "no {name}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_interrupted_run_leaves_no_kernel_on_the_server() {
    let case = Case::of(HANGS);
    both(|jupyter| {
        let _ = std::fs::remove_file(case.path("notebooks/pid"));
        let mut nbexport = jupyter.command(&case, "run", &jupyter.url()).spawn().unwrap();
        wait_for(&case, "notebooks/pid");
        kill("TERM", nbexport.id());
        assert_eq!(nbexport.wait().unwrap().code(), Some(128 + 15));
        assert_eq!(jupyter.kernels(), "[]");
        ends(&case.read("notebooks/pid"));
    });
}

#[test]
fn a_kernel_that_dies_is_told_and_the_one_that_the_server_starts_in_its_place_is_deleted() {
    let case = Case::of(
        "
        --- kills
        let kernel: u32 = std::os::unix::process::parent_id();
        std::process::Command::new(\"kill\").args([\"-9\", &kernel.to_string()]).status()?;
        std::thread::sleep(std::time::Duration::from_secs(30));
        --- after
        1
        ",
    );
    both(|jupyter| {
        let run = jupyter.run(&case, "test --no-fail-fast");
        assert_eq!(run.code, Some(1), "{run}");
        assert!(run.stderr.contains("the kernel died while the cell ran"), "{run}");
        assert!(run.stdout.contains("1 failed, 1 not reached"), "{run}");
    });
}

/// As it is set up, a server passes on so much and no more; the mark by which a cell is known to have ended may be in
/// the rest.
#[test]
fn a_cell_whose_outputs_the_server_left_out_is_not_called_passed_or_failed_on_a_guess() {
    let case = Case::of(
        "--- floods\nlet line: String = \"x\".repeat(1 << 20);\nfor _ in 0..20 { println!(\"{line}\"); }",
    );
    if let Some(jupyter) = server_that_limits() {
        let run = jupyter.run(&case, "test");
        if run.code == Some(0) {
            assert!(run.stderr.contains("warning: what this cell put out may not be all here"), "{run}");
        } else {
            assert!(run.stderr.contains("how this cell ended cannot be told: the server left out"), "{run}");
            assert!(run.stderr.contains("limit_rate=False"), "{run}");
        }
        assert!(!run.stderr.contains("the cell stopped before its end"), "{run}");
    }
}

/// Writes `here` when it begins and `done` at its end.
const SLOW: &str = "
    --- begins
    let before: i32 = 40;
    --- goes on
    std::fs::write(\"here\", \"1\")?;
    std::thread::sleep(std::time::Duration::from_secs(2));
    println!(\"printed without a connection\");
    std::fs::write(\"done\", \"1\")?;
    before + 2
    --- after
    assert_eq!(before, 40);
    ";

#[test]
fn a_connection_that_is_cut_in_mid_cell_is_resumed_and_what_came_meanwhile_is_heard() {
    both(|jupyter| {
        let case = Case::of(SLOW);
        let proxy = Proxy::to(&jupyter.url());
        let nbexport = jupyter.command(&case, "run", &proxy.url()).spawn().unwrap();
        wait_for(&case, "notebooks/here");
        proxy.cut();
        wait_for(&case, "notebooks/done");
        std::thread::sleep(Duration::from_secs(1));
        proxy.mend();
        let run = case.told(&nbexport.wait_with_output().unwrap());
        assert_eq!(run.code, Some(0), "{run}");
        assert!(run.stderr.contains("may not be all here: the connection to the server was lost"), "{run}");
        let written = case.read("notebooks/00_demo.ipynb");
        assert!(written.contains("printed without a connection") && written.contains("\"42\""), "{written}");
        assert_eq!(jupyter.kernels(), "[]");
    });
}

#[test]
fn a_connection_that_stays_cut_is_a_lost_cell_and_no_kernel_stays() {
    both(|jupyter| {
        let case = Case::of(SLOW);
        let proxy = Proxy::to(&jupyter.url());
        let nbexport = jupyter.command(&case, "test --timeout 120", &proxy.url()).spawn().unwrap();
        wait_for(&case, "notebooks/here");
        proxy.cut();
        let run = case.told(&nbexport.wait_with_output().unwrap());
        assert_eq!(run.code, Some(1), "{run}");
        assert!(
            run.stderr.contains("how this cell ended cannot be told: the connection to the server was lost"),
            "{run}"
        );
        assert!(run.stdout.contains("1 cell passed, 1 failed, 1 not reached"), "{run}");
        assert_eq!(jupyter.kernels(), "[]", "{run}");
    });
}

#[test]
fn garbage_in_a_connection_ends_it() {
    both(|jupyter| {
        let case = Case::of(SLOW);
        let proxy = Proxy::to(&jupyter.url());
        let nbexport = jupyter.command(&case, "test", &proxy.url()).spawn().unwrap();
        wait_for(&case, "notebooks/here");
        proxy.garble();
        let run = case.told(&nbexport.wait_with_output().unwrap());
        assert_eq!(run.code, Some(1), "{run}");
        assert!(run.stderr.contains("what is no message of Jupyter's"), "{run}");
        assert_eq!(jupyter.kernels(), "[]", "{run}");
    });
}

#[test]
fn what_is_wrong_with_a_server_is_told_with_a_way_out() {
    let case = Case::of("--- one\n1");
    let told = |arguments: &str, token: &str, says: &str, helps: &str| {
        let run = case.told(&case.command(arguments).env("JUPYTER_TOKEN", token).output().unwrap());
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.contains(says) && run.stderr.contains(helps), "no {says}, no {helps}: {run}");
        assert!(!run.stderr.contains(TOKEN), "{run}");
    };
    both(|jupyter| {
        let url = jupyter.url();
        told(&format!("test --server {url}"), "", "wants a token (40", "JUPYTER_TOKEN");
        told(&format!("test --server {url}"), "another", "refuses this (40", "token of JUPYTER_TOKEN");
        told(&format!("run --server {url} --kernel nope"), TOKEN, "no kernel `nope`", "it has rust");
        told(&format!("test --server {url}/no/such"), TOKEN, "there is no Jupyter server at", "/lab");
        told(&format!("test --server {url}/lab?token={TOKEN}"), "", "more than an address", "--token-file");
        told(
            &format!("test --server {url} --token-file none"),
            "",
            "cannot read the token of `none`",
            "--token-file",
        );
    });
    told("test --server http://127.0.0.1:1", TOKEN, "cannot reach the server", "jupyter server list");
    for (answer, says, helps) in [
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
            "is not what a Jupyter server answers",
            "a login",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", "is not what a Jupyter server answers", "a login"),
        (
            "HTTP/1.1 302 Found\r\nLocation: /again?token=a-s3cr3t\r\nContent-Length: 0\r\n\r\n",
            "elsewhere: `/again",
            "the address",
        ),
        (
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 34\r\n\r\n{\"message\": \"no a-s3cr3t for you\"}",
            "no [token] for you",
            "its log",
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n", "cannot reach the server", "that it runs there"),
        ("", "cannot reach the server", "that it runs there"),
    ] {
        told(&format!("test --server {}", fake(answer)), TOKEN, says, helps);
    }
}
