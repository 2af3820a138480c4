//! Which session sequence numbers were seen: no packet counts twice (IPMI 2.0, section 6.12.13).
//!
//! Uses nothing. Its input is numbers whose packet's code was right.

/// Numbers behind the highest that may still come, as reordered packets do.
const BEHIND: u32 = 31;

/// The numbers of one direction.
#[derive(Debug, Default)]
pub(super) struct Window {
    highest: u32,
    /// Bit n: `highest - n` was seen.
    seen: u32,
}

impl Window {
    /// Whether the number is new; remembers it. Any number may be the first one, and any jump ahead
    /// is taken: only the BMC itself can make one.
    pub(super) fn accept(&mut self, sequence: u32) -> bool {
        if sequence == 0 {
            return false;
        }
        if sequence > self.highest {
            let ahead = sequence - self.highest;
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0) | 1;
            self.highest = sequence;
            return true;
        }
        let behind = self.highest - sequence;
        if behind > BEHIND || self.seen & 1 << behind != 0 {
            return false;
        }
        self.seen |= 1 << behind;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Window;

    #[test]
    fn each_number_once() {
        let mut window = Window::default();
        let order = [3, 5, 4, 4, 3, 0, 100, 69, 68, 99, 69, u32::MAX, u32::MAX, 1];
        let accepted = order.map(|number| window.accept(number));
        let expected = [true, true, true, false, false, false, true, true, false, true, false, true, false, false];
        assert_eq!(accepted, expected);
    }
}
