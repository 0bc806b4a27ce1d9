//! `nbexport test`: a truthful verdict on every cell, natively or (`--kernel`) in the evcxr kernel.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use nbexport::cargo::{self, Said};
use nbexport::diagnostic::{Diagnostic, Result};
use nbexport::export::generated;
use nbexport::project::Project;
use nbexport::run::outputs::Keep;
use nbexport::run::timings::{self, Timings};
use nbexport::run::{Options, Outcome, Select};
use nbexport::run::{native, process};
use serde_json::json;

use super::report::{self, Reporter};
use super::{Context, Status, archive, both, junit, kernel};
use crate::cli::{Format, Global, HowToRun, ServerArgs, TestArgs};
use crate::printer::Printer;

/// Runs the notebooks and prints a line for each.
pub(crate) fn run(args: &TestArgs, global: &Global) -> Result<Status> {
    let (kernel, mut paths) = (args.kernel.as_deref(), args.how.paths.clone());
    // `--kernel x.ipynb` says where to run, and what; not in which kernel.
    let not_a_name = kernel.filter(|value| looks_like_path(value));
    paths.extend(not_a_name.map(PathBuf::from));
    let kernel = kernel.map(|name| if not_a_name.is_some() { "" } else { name });
    let kernel = kernel.or(args.server.server.as_ref().map(|_| ""));

    if let Some(file) = &args.junit {
        junit::may_replace(file)?;
    }
    if let Some(from) = &args.from_archive {
        return archive::judge(args, from, global);
    }
    let context = Context::new(&paths, global)?;
    listen_for_interrupts()?;
    let mut notebooks = context.notebooks_or_all()?;
    let mut options = options(&context.project, &args.how, kernel.is_none(), Keep::Nothing);
    if let Some(filter) = &args.filter {
        options.select = Select { flags: options.select.flags, ..Select::parse(filter) };
    }
    options.fresh = args.fresh;
    if let Some(to) = &args.archive {
        let status = archive::build(args, to, &context, &notebooks, &options)?;
        let names: Vec<String> = notebooks.iter().map(|path| context.project.name_of(path)).collect();
        // What is judged elsewhere has no cargo to ask.
        let broken = does_not_compile(&context, &names, "the notebooks are archived", args.format)?;
        return Ok(status.max(if broken.is_some() { Status::Found } else { Status::Success }));
    }
    let is_whole = args.partition.is_none() && options.select.cell.is_none();
    let mut timings = match &args.timings_file {
        Some(file) => Timings::read(file)?,
        None => Timings::read(&timings::file_of(&context.project, kernel.is_some())).unwrap_or_default(),
    };
    if let Some(partition) = args.partition {
        let all = notebooks.len();
        let names = notebooks.iter().map(|path| context.project.name_of(path)).collect();
        let share = partition.of(names, &options.select, &timings);
        notebooks.retain(|path| share.contains(&context.project.name_of(path)));
        if args.format != Format::Json {
            context.printer.info(&format!("{partition}: {} of {all} notebooks", notebooks.len()));
        }
        if notebooks.is_empty() {
            args.junit.as_deref().map(|file| junit::write(file, &[], None)).transpose()?;
            return Ok(Status::Success);
        }
    }
    let reporter = Reporter::new(context.printer, args.format, notebooks.len());
    let outcomes = match kernel {
        None => native::test(&context.project, &notebooks, &options, &|it| reporter.tell(&it))?,
        Some(name) => {
            let kernel = (name, &args.server);
            kernel::test(&context.project, &notebooks, kernel, &options, &|it| reporter.tell(&it))?
        }
    };
    reporter.clear();
    let names: Vec<String> = outcomes.iter().map(|(name, _)| name.clone()).collect();
    let broken = match report::status(&outcomes) {
        Status::Success => does_not_compile(&context, &names, "every cell passed", args.format)?,
        _ => None,
    };
    let mut status = reporter.finish(&outcomes, broken.as_ref());
    if args.both && !outcomes.is_empty() {
        let reporter = Reporter::new(context.printer, args.format, notebooks.len());
        // What comes after a cell that fails is judged by the kernel, too, or there would be nothing to compare.
        let jobs = args.how.jobs.map_or(1, Into::into);
        let options = Options { keep_going: true, jobs, ..options };
        let here = ("", &ServerArgs::default());
        let in_kernel = kernel::test(&context.project, &notebooks, here, &options, &|it| reporter.tell(&it))?;
        let _ = reporter.finish(&in_kernel, None);
        // That a notebook needs the kernel is no difference: natively nothing is said of it.
        let unable = outcomes.iter().chain(&in_kernel).any(|(_, outcome)| {
            matches!(outcome, Outcome::Unable(diagnostic) if !diagnostic.message.contains("`--kernel`"))
        });
        status = both::compare(context.printer, &outcomes, &in_kernel).max(match &broken {
            _ if unable => Status::Failed,
            Some(_) => Status::Found,
            None => Status::Success,
        });
    }
    if outcomes.is_empty() {
        return Err(nothing_fits(args.filter.as_deref()));
    }
    if let Some(file) = &args.junit {
        junit::write(file, &outcomes, broken.as_ref())?;
    }
    // All shares go by the same times, so that no notebook is in two of them or in none: none of them may change these.
    if is_whole {
        timings.learn(&outcomes);
        match &args.timings_file {
            Some(file) => timings.write(file)?,
            // Without them, the next shares are of equal number.
            None => drop(timings.write(&timings::file_of(&context.project, kernel.is_some()))),
        }
    }
    Ok(status)
}

/// Sees whether what was exported of the notebooks compiles by itself, and tells why not: a cell may use what only its
/// notebook has.
fn does_not_compile(
    context: &Context,
    notebooks: &[String],
    so_far: &str,
    format: Format,
) -> Result<Option<Diagnostic>> {
    let names: Vec<&str> = notebooks.iter().map(String::as_str).collect();
    if !generated::has_files_of(&context.project, &names) {
        return Ok(None);
    }
    let errors = Mutex::new(Vec::new());
    let args = ["check", "--lib", "--tests", "--quiet", "--message-format=json"].map(str::to_owned);
    cargo::run(&context.project, &args, false, &|said| {
        if let Said::Json(event) = said
            && event["message"]["level"] == "error"
            && let (Some(rendered), Ok(mut errors)) = (event["message"]["rendered"].as_str(), errors.lock())
        {
            errors.push(rendered.to_owned());
        }
    })?;
    let mut errors = errors.into_inner().unwrap_or_default();
    // Cargo builds the library and its tests, and says of each what it says of both.
    errors.dedup();
    if errors.is_empty() {
        return Ok(None);
    }
    let name = context.project.name_of(&context.project.krate);
    let mut found = Diagnostic::error(format!("{so_far}, and yet `{name}` does not compile"))
        .help("mend the cells named above, or export what they use; then run `nbexport`");
    if format == Format::Json {
        found.notes = errors;
        Printer::json_line(&json!({ "diagnostics": [Printer::json(&found)] }));
    } else {
        for error in &errors {
            context.printer.passed_on_error(&format!("{}\n\n", error.trim_end()));
        }
        context.printer.error(&found);
        found.notes = errors;
    }
    Ok(Some(found))
}

/// What the command line says about how to run, as the engines take it.
pub(super) fn options(project: &Project, how: &HowToRun, natively: bool, keep: Keep) -> Options {
    let flags = project.flags.iter().chain(&how.flags).cloned().collect();
    let mut options = options_of_run(how, natively, keep);
    options.select.flags = Some(flags);
    options
}

/// The same where no project is known: all flags are given.
pub(super) fn options_of_run(how: &HowToRun, natively: bool, keep: Keep) -> Options {
    let all = if natively && !keep.writes() { std::thread::available_parallelism().ok() } else { None };
    Options {
        jobs: how.jobs.map_or_else(|| all.map_or(1, Into::into), Into::into),
        timeout: (how.timeout > 0).then(|| Duration::from_secs(how.timeout)),
        keep_going: how.no_fail_fast,
        select: Select::default(),
        fresh: true,
        keep,
    }
}

/// From here on ctrl-C ends what notebooks started, too.
pub(super) fn listen_for_interrupts() -> Result<()> {
    process::stop_on_interrupt()
        .map_err(|error| Diagnostic::error(format!("cannot listen for interrupts: {error}")))
}

fn looks_like_path(value: &str) -> bool {
    let path = Path::new(value);
    !value.is_empty()
        && (path.extension().is_some_and(|it| it == "ipynb") || value.contains('/') || path.exists())
}

fn nothing_fits(filter: Option<&str>) -> Diagnostic {
    match filter {
        None | Some("") => Diagnostic::error("there is no notebook to test"),
        Some(filter) => Diagnostic::error(format!("no notebook and cell fits `--filter {filter}`"))
            .help("write a part of a notebook's name, and a cell's number or id behind a colon: `02:14`"),
    }
}
