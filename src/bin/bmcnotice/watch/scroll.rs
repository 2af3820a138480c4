//! Where one is in the list of servers: a function of the keys and of the last picture.

use super::frame::Frame;
use super::keys::Key;

/// Several keys may come between two pictures: each is weighed where the one before it has led.
#[derive(Debug, Default)]
pub struct Scroll {
    /// The first server that is shown.
    pub first: usize,
    /// The last one that makes sense as the first.
    last: usize,
    page: usize,
}

impl Scroll {
    /// A picture was drawn.
    pub fn drawn(&mut self, frame: &Frame) {
        *self = Self { first: frame.first, last: frame.last, page: frame.page };
    }

    /// A key was pressed; others than those that scroll change nothing.
    pub fn go(&mut self, key: Key) {
        let page = self.page.max(1);
        self.first = match key {
            Key::Up => self.first.saturating_sub(1),
            Key::Down => self.first.saturating_add(1).min(self.last),
            Key::PageUp => self.first.saturating_sub(page),
            Key::PageDown => self.first.saturating_add(page).min(self.last),
            Key::Home => 0,
            Key::End => self.last,
            Key::Quit | Key::Stop | Key::Redraw | Key::Freeze => self.first,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_between_two_pictures_are_none_too_many() {
        let mut scroll = Scroll::default();
        scroll.drawn(&Frame { lines: Vec::new(), first: 3, last: 22, page: 19 });
        let mut went = |keys: &[Key]| {
            keys.iter().for_each(|key| scroll.go(*key));
            scroll.first
        };
        assert_eq!(went(&[Key::End, Key::Down, Key::PageUp]), 3);
        assert_eq!(went(&[Key::PageDown, Key::PageDown, Key::Up, Key::Freeze]), 21);
        assert_eq!(went(&[Key::PageUp, Key::PageUp, Key::Up, Key::Down]), 1);
        assert_eq!(went(&[Key::End, Key::Home]), 0);
    }
}
