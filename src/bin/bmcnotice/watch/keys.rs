//! What is typed, as keys: a terminal sends some of them as several octets, which may come in pieces.

/// A key that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// It is over.
    Quit,
    /// The picture stands still, or no longer.
    Freeze,
    /// Ctrl-Z.
    Stop,
    /// Ctrl-L: everything is drawn again.
    Redraw,
    /// One line up.
    Up,
    /// One line down.
    Down,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// To the first line.
    Home,
    /// To the last line.
    End,
}

/// Limit: octets of one key; what is longer is none.
const MAX_KEY: usize = 8;

/// What was typed and is not yet a key.
#[derive(Debug, Default)]
pub struct Typed(Vec<u8>);

impl Typed {
    /// The keys that these octets complete.
    pub fn keys(&mut self, octets: &[u8]) -> Vec<Key> {
        let mut keys = Vec::new();
        for &octet in octets {
            self.0.push(octet);
            match &*self.0 {
                // ESC [ and ESC O begin a key; its last octet is a letter or a tilde (ECMA-48, 5.4).
                [0x1B] | [0x1B, b'[' | b'O'] => continue,
                [0x1B, b'[' | b'O', .., last] if !matches!(last, 0x40..=0x7E) && self.0.len() < MAX_KEY => continue,
                [0x1B, b'[' | b'O', rest @ ..] => keys.extend(named(rest)),
                // Escape, and then something else.
                [0x1B, other] => keys.extend(plain(*other)),
                [other] => keys.extend(plain(*other)),
                _ => {}
            }
            self.0.clear();
        }
        keys
    }
}

fn plain(octet: u8) -> Option<Key> {
    match octet {
        b'q' | b'Q' => Some(Key::Quit),
        b' ' => Some(Key::Freeze),
        0x1A => Some(Key::Stop),
        0x0C => Some(Key::Redraw),
        _ => None,
    }
}

fn named(rest: &[u8]) -> Option<Key> {
    match rest {
        b"A" => Some(Key::Up),
        b"B" => Some(Key::Down),
        b"5~" => Some(Key::PageUp),
        b"6~" => Some(Key::PageDown),
        b"H" | b"1~" | b"7~" => Some(Key::Home),
        b"F" | b"4~" | b"8~" => Some(Key::End),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_whole_or_in_pieces_and_noise_is_none() {
        let all = b"q\x1b[A\x1bOB\x1b[5~\x1b[6~\x1b[H\x1b[4~ \x1a\x0cx\xff\x1b[200~\x1b[1;5A\x1bq";
        let expected = [
            Key::Quit,
            Key::Up,
            Key::Down,
            Key::PageUp,
            Key::PageDown,
            Key::Home,
            Key::End,
            Key::Freeze,
            Key::Stop,
            Key::Redraw,
            Key::Quit,
        ];
        assert_eq!(Typed::default().keys(all), expected);
        let mut typed = Typed::default();
        let pieces: Vec<Key> = all.iter().flat_map(|octet| typed.keys(&[*octet])).collect();
        assert_eq!(pieces, expected);
        let endless = [&b"\x1b["[..], &[b'0'; 5], b"q"].concat();
        assert_eq!(Typed::default().keys(&endless), [], "the octet that completes it is its own");
        let endless = [&b"\x1b["[..], &[b'0'; 100], b" q"].concat();
        assert_eq!(Typed::default().keys(&endless), [Key::Freeze, Key::Quit], "it ends");
    }
}
