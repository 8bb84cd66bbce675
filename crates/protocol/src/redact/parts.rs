//! The parts of a secret that must not be seen by themselves either.

/// A line or a word of a PEM is a secret by itself from this length on; a shorter one would mask ordinary words.
const SHORTEST_LINE: usize = 8;

/// A word that looks like a key is a secret by itself from this length on.
const SHORTEST_KEY: usize = 20;

/// What begins and ends a mark of a PEM, e.g. `-----BEGIN PRIVATE KEY-----`.
const ARMOR: &str = "-----";

/// The whole secret, its lines, what is between the marks of a PEM, and its words that look like keys.
pub(super) fn of(secret: &str) -> Vec<String> {
    let whole = secret.trim();
    let mut parts = vec![whole.to_owned()];
    let lines = secret.lines().map(str::trim);
    let lines = lines.filter(|line| line.len() < whole.len() && !line.starts_with(ARMOR));
    parts.extend(long(lines));
    parts.extend(between_marks(
        &secret.replace("\\r", " ").replace("\\n", " "),
    ));
    parts.extend(keys(secret));
    parts
}

fn long<'a>(parts: impl Iterator<Item = &'a str>) -> impl Iterator<Item = String> {
    let long = parts.filter(|part| part.len() >= SHORTEST_LINE);
    long.map(str::to_owned)
}

/// The body of a PEM, as a whole and word by word: each of its lines, where the breaks became spaces.
fn between_marks(secret: &str) -> Vec<String> {
    if !secret.contains(ARMOR) {
        return Vec::new();
    }
    let is_mark = |part: &&str| part.starts_with("BEGIN ") || part.starts_with("END ");
    let bodies = secret.split(ARMOR).filter(|part| !is_mark(part));
    let joined = |body: &str| body.split_whitespace().collect::<String>();
    bodies
        .flat_map(|body| {
            let whole = joined(body);
            let words: Vec<String> = long(body.split_whitespace()).collect();
            long(std::iter::once(whole.as_str()))
                .chain(words)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Words of base64 or of a token, in whatever they stand: they have letters of both cases and digits, as names and addresses
/// seldom have.
fn keys(secret: &str) -> impl Iterator<Item = String> {
    let ends = |c: char| !c.is_ascii_alphanumeric() && !"+/=._~-".contains(c);
    let words = secret.split(ends).filter(|word| word.len() >= SHORTEST_KEY);
    let has = |word: &str, wanted: fn(&char) -> bool| word.chars().any(|c| wanted(&c));
    let keys = words.filter(move |word| {
        has(word, char::is_ascii_uppercase)
            && has(word, char::is_ascii_lowercase)
            && has(word, char::is_ascii_digit)
    });
    keys.map(str::to_owned)
}
