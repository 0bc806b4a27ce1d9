//! Names that modules, functions, binaries and flags can have.

/// Whether a character has no place in a comment that rustc is to read: it breaks the line, or turns the direction of text.
pub(crate) fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// Checks that a word can be a flag: letters, digits, `-` and `_`.
///
/// # Errors
/// What is wrong.
pub fn check_flag(word: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !word.is_empty() && word.chars().all(fits) {
        return Ok(());
    }
    Err(format!(
        "`{}` cannot be a flag: a flag is a word of letters, digits, `-` and `_`",
        word.escape_debug()
    ))
}

/// Checks that `name` can name a module, a function or a binary: one Rust identifier that is no keyword.
///
/// # Errors
/// What is wrong, and the way out.
pub(crate) fn check_name(name: &str, what: &str) -> Result<(), (String, String)> {
    if syn::parse_str::<syn::Ident>(name).is_ok() && !name.starts_with("r#") {
        let reserved = ["gen", "lib", "main", "mod", "tests"];
        if (what == "module" && reserved.contains(&name)) || name == "gen" {
            return Err((
                format!("`{name}` cannot name a {what}: the crate or the language has its own use for it"),
                "choose another name".to_owned(),
            ));
        }
        if ["module", "binary"].contains(&what) && !name.is_ascii() {
            return Err((
                format!(
                    "`{name}` cannot name a {what}: it names a file, too, and rustc wants ASCII there (E0754)"
                ),
                format!("use another name, `{}` say", ascii(name)),
            ));
        }
        return Ok(());
    }
    if name.contains(['/', '\\', '.']) {
        return Err((
            format!("`{name}` is a path, not the name of a {what}"),
            format!("a {what} is named by one Rust identifier and stays inside the crate: `nb_02`, `layers`"),
        ));
    }
    let shape =
        name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_numeric());
    let why = if shape { "is a Rust keyword" } else { "is not a Rust identifier" };
    let suggestion = identifier(name);
    Err((
        format!("`{name}` {why}, so it cannot name a {what}"),
        format!("use another name, `{suggestion}` say"),
    ))
}

/// The nearest thing to `text` that is a Rust identifier and no keyword.
pub(crate) fn identifier(text: &str) -> String {
    let mut name: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    if name.is_empty() || name.starts_with(|c: char| c.is_numeric()) {
        name.insert(0, '_');
    }
    if syn::parse_str::<syn::Ident>(&name).is_err() || name == "gen" {
        name.push('_');
    }
    name
}

/// The nearest thing to a name in ASCII: without accents where a letter has some, with `_` for what is no letter there.
pub(crate) fn ascii(name: &str) -> String {
    let plain = |c: char| match c {
        'à'..='ã' | 'å' | 'ā' | 'ă' | 'ą' => "a",
        'ä' | 'æ' => "ae",
        'ç' | 'ć' | 'č' => "c",
        'è'..='ë' | 'ē' | 'ę' | 'ě' => "e",
        'ì'..='ï' | 'ī' => "i",
        'ñ' | 'ń' | 'ň' => "n",
        'ò'..='õ' | 'ø' | 'ō' => "o",
        'ö' => "oe",
        'ù'..='û' | 'ū' | 'ů' => "u",
        'ü' => "ue",
        'ß' => "ss",
        'š' | 'ś' => "s",
        'ž' | 'ź' | 'ż' => "z",
        _ => "_",
    };
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii() { text.push(c) } else { text.push_str(plain(c.to_lowercase().next().unwrap_or(c))) }
    }
    identifier(&text)
}
