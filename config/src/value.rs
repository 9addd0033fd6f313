//! How one value of the file becomes a Rust value. Each parser says what it wanted; none knows the key, so none can name it.

use std::{ops::RangeInclusive, time::Duration};

use toml::de::DeValue;

use crate::error::shown;

/// A parser's answer; the error is the second half of a line: what was found, what to write.
pub(crate) type Parsed<T> = Result<T, String>;

/// What was found, for an error: text quoted and cut, never something that looks like a token.
pub(crate) fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => shown(text),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// `true` or `false`.
pub(crate) fn flag(value: &DeValue<'_>) -> Parsed<bool> {
    value
        .as_bool()
        .ok_or_else(|| format!("found {}, write true or false", found(value)))
}

/// Text that is not empty.
pub(crate) fn text(value: &DeValue<'_>) -> Parsed<String> {
    match value.as_str() {
        Some("") => Err("found an empty text; write a value or remove the line".to_owned()),
        Some(text) => Ok(text.to_owned()),
        None => Err(format!("found {}, write text in quotes", found(value))),
    }
}

/// A whole number within `range`.
pub(crate) fn count(range: RangeInclusive<u64>) -> impl Fn(&DeValue<'_>) -> Parsed<u64> {
    move |value| {
        let number = value
            .as_integer()
            .and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                format!(
                    "found {}, write a whole number from {} to {}",
                    found(value),
                    range.start(),
                    range.end()
                )
            })
    }
}

/// A size in bytes within `range`: a number, or text such as `"64KiB"`.
pub(crate) fn bytes(range: RangeInclusive<u64>) -> impl Fn(&DeValue<'_>) -> Parsed<u64> {
    move |value| {
        let size = match value {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            DeValue::String(text) => size(text),
            _ => None,
        };
        size.filter(|size| range.contains(size)).ok_or_else(|| {
            format!(
                "found {}, write a size such as \"64KiB\" or \"4MiB\", from {} to {}",
                found(value),
                in_units(*range.start()),
                in_units(*range.end())
            )
        })
    }
}

/// A duration within `range`, as text such as `"30s"`.
pub(crate) fn duration(
    range: RangeInclusive<Duration>,
) -> impl Fn(&DeValue<'_>) -> Parsed<Duration> {
    move |value| {
        let duration = value
            .as_str()
            .and_then(|text| humantime::parse_duration(text.trim()).ok());
        duration
            .filter(|duration| range.contains(duration))
            .ok_or_else(|| {
                format!(
                    "found {}, write a duration such as \"30s\" or \"5m\", from {} to {}",
                    found(value),
                    humantime::format_duration(*range.start()),
                    humantime::format_duration(*range.end())
                )
            })
    }
}

/// One of a few words.
pub(crate) fn choice<T: Copy + 'static>(
    words: &'static [(&'static str, T)],
) -> impl Fn(&DeValue<'_>) -> Parsed<T> {
    move |value| {
        let word = value.as_str();
        words
            .iter()
            .find(|(name, _)| Some(*name) == word)
            .map(|(_, choice)| *choice)
            .ok_or_else(|| {
                let names = words
                    .iter()
                    .map(|(name, _)| format!("\"{name}\""))
                    .collect::<Vec<_>>();
                format!("found {}, write one of {}", found(value), names.join(", "))
            })
    }
}

/// A list of at most `most` items, each read by `item`.
pub(crate) fn list<T>(
    most: usize,
    item: impl Fn(&DeValue<'_>) -> Parsed<T>,
) -> impl Fn(&DeValue<'_>) -> Parsed<Vec<T>> {
    move |value| {
        let Some(items) = value.as_array() else {
            return Err(format!(
                "found {}, write a list such as [\"one\", \"two\"]",
                found(value)
            ));
        };
        if items.len() > most {
            return Err(format!("found {} items, {most} are the most", items.len()));
        }
        let mut parsed = Vec::with_capacity(items.len());
        for (index, value) in items.iter().enumerate() {
            parsed.push(
                item(value.get_ref())
                    .map_err(|problem| format!("item {}: {problem}", index + 1))?,
            );
        }
        Ok(parsed)
    }
}

/// The name of an environment variable. What stands there instead is not shown: people paste the value.
pub(crate) fn variable(value: &DeValue<'_>) -> Parsed<String> {
    let name = text(value)?;
    let fits = name.len() <= 256
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if fits {
        Ok(name)
    } else {
        let length = name.chars().count();
        Err(format!(
            "found {length} characters that are no name, write the name of an environment variable alone, without its value"
        ))
    }
}

/// Bytes of a text such as `64KiB`; `None` if it is no size or does not fit.
fn size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim_start() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1_u64 << 40,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// A size with the largest unit that divides it.
fn in_units(bytes: u64) -> String {
    for (factor, unit) in [
        (1_u64 << 40, "TiB"),
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1 << 10, "KiB"),
    ] {
        if bytes >= factor && bytes.is_multiple_of(factor) {
            return format!("{}{unit}", bytes / factor);
        }
    }
    format!("{bytes}B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_binary_units_only() {
        let cases = [
            ("0", Some(0)),
            ("512B", Some(512)),
            ("64KiB", Some(65_536)),
            (" 4 MiB ", Some(4_194_304)),
            ("1GiB", Some(1 << 30)),
            ("2TiB", Some(2 << 40)),
            ("4MB", None),
            ("4mib", None),
            ("MiB", None),
            ("-1", None),
            ("1.5MiB", None),
            ("99999999999TiB", None),
        ];
        for (text, expected) in cases {
            assert_eq!(size(text), expected, "{text}");
        }
        assert_eq!(
            [in_units(65_536), in_units(1000), in_units(0)],
            ["64KiB", "1000B", "0B"]
        );
    }
}
