//! What stands in a column: times, words and their width on a terminal.

use super::answer::Server;
use std::time::Duration;

/// How long, in at most seven characters.
pub fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{}.{} s", seconds, time.subsec_millis() / 100),
        10..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", (seconds / 86_400).min(99_999)),
    }
}

/// How long an answer took, or how many were missed since, in at most eight characters.
pub fn trip(server: &Server) -> String {
    if server.misses > 0 {
        return format!("{} lost", server.misses.min(999));
    }
    match server.round_trip {
        None => "-".into(),
        Some(time) if time < Duration::from_millis(10) => {
            let tenths = time.as_micros().div_ceil(100);
            format!("{}.{} ms", tenths / 10, tenths % 10)
        }
        Some(time) if time < Duration::from_secs(10) => format!("{} ms", time.as_millis()),
        Some(time) => format!("{} s", time.as_secs()),
    }
}

/// What its watchdog shows, in at most 15 characters.
pub fn pulse(server: &Server) -> String {
    match (server.pulse.as_str(), &server.fed_by, server.fed_ago) {
        ("fed", Some(by), ago) => {
            let by = if by == "application" { "app" } else { by };
            ago.map_or_else(|| by.to_owned(), |ago| format!("{by} {}", age(ago)))
        }
        ("unread", ..) => "-".into(),
        (other, ..) => other.to_owned(),
    }
}

/// May I take over?
pub fn take_over(server: &Server) -> String {
    server.take_over.replace('_', " ")
}

/// How many columns a text takes. Wide: what East Asian terminals draw over two columns (Unicode, annex 11).
pub fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(c: char) -> usize {
    match u32::from(c) {
        0x0300..=0x036F | 0x200B..=0x200F | 0xFE00..=0xFE0F | 0xFEFF => 0,
        0x1100..=0x115F
        | 0x2E80..=0x303E
        | 0x3041..=0xA4CF
        | 0xA960..=0xA97F
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

/// At most so many columns of it; what was cut off shows as `…`, or as `~` without Unicode.
pub fn cut(text: &str, most: usize, unicode: bool) -> String {
    if width(text) <= most {
        return text.to_owned();
    }
    let (mut left, mut cut) = (most.saturating_sub(1), String::new());
    for c in text.chars() {
        if columns(c) > left {
            break;
        }
        left -= columns(c);
        cut.push(c);
    }
    if most > 0 {
        cut.push(if unicode { '…' } else { '~' });
    }
    cut
}

/// Exactly so many columns of it.
pub fn pad(text: &str, columns: usize, unicode: bool) -> String {
    let mut text = cut(text, columns, unicode);
    let blanks = columns.saturating_sub(width(&text));
    text.extend(std::iter::repeat_n(' ', blanks));
    text
}

/// The same, at the right.
pub fn pad_left(text: &str, columns: usize, unicode: bool) -> String {
    let text = cut(text, columns, unicode);
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(&text))))
}

/// Lines of at most `columns`, broken between words; all but the first begin with `indent` blanks.
pub fn wrap(text: &str, columns: usize, indent: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().map(|line| width(line)).unwrap_or_default();
        let begun = lines.last().is_some_and(|line| !line.trim().is_empty());
        if begun && line + 1 + width(word) > columns {
            lines.push(" ".repeat(indent) + word);
        } else if let Some(last) = lines.last_mut() {
            if begun {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fit_their_columns() {
        let ms = Duration::from_millis;
        for (time, text) in [
            (0, "0.0 s"),
            (9_990, "9.9 s"),
            (10_000, "10 s"),
            (119_999, "119 s"),
            (120_000, "2 min"),
            (7_199_999, "119 min"),
            (7_200_000, "2 h"),
            (172_800_000, "2 d"),
            (u64::MAX, "99999 d"),
        ] {
            assert_eq!(age(ms(time)), text);
            assert!(text.len() <= 7);
        }
        let server =
            |us: Option<u64>, misses| Server { round_trip: us.map(Duration::from_micros), misses, ..Server::default() };
        for (us, misses, text) in [
            (None, 0, "-"),
            (Some(1), 0, "0.1 ms"),
            (Some(1_250), 0, "1.3 ms"),
            (Some(9_999), 0, "10.0 ms"),
            (Some(12_345), 0, "12 ms"),
            (Some(9_999_999), 0, "9999 ms"),
            (Some(12_000_000), 0, "12 s"),
            (Some(1), 3, "3 lost"),
            (None, 70_000, "999 lost"),
        ] {
            assert_eq!(trip(&server(us, misses)), text);
            assert!(text.len() <= 8);
        }
    }

    #[test]
    fn a_pulse_says_who_feeds_it() {
        let server = |pulse: &str, by: Option<&str>, ago: Option<u64>| Server {
            pulse: pulse.into(),
            fed_by: by.map(str::to_owned),
            fed_ago: ago.map(Duration::from_secs),
            ..Server::default()
        };
        for (server, text) in [
            (server("fed", Some("library"), Some(3)), "library 3.0 s"),
            (server("fed", Some("application"), Some(6553)), "app 109 min"),
            (server("fed", Some("another"), Some(6553)), "another 109 min"),
            (server("unread", None, None), "-"),
            (server("goodbye", None, None), "goodbye"),
        ] {
            assert_eq!(pulse(&server), text);
            assert!(text.len() <= 15);
        }
    }

    #[test]
    fn what_is_too_wide_is_cut_and_shows_it() {
        assert_eq!(pad("ab", 4, true), "ab  ");
        assert_eq!(pad_left("ab", 4, true), "  ab");
        assert_eq!(pad("abcdef", 4, true), "abc…");
        assert_eq!(pad("abcdef", 4, false), "abc~");
        // Two columns each: half a character is none.
        assert_eq!((width("サーバ"), pad("サーバ", 4, true)), (6, "サ… ".into()));
        assert_eq!(cut("abc", 0, true), "");
        assert_eq!(wrap("one two three", 8, 2), ["one two", "  three"]);
        assert_eq!(wrap("unbreakable word", 4, 1), ["unbreakable", " word"]);
    }
}
