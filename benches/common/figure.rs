//! What a bench prints: one line a figure, for people and for `benches/table.awk`.
//!
//! Two sides are measured in turn, round by round in one run, for the machine's noise to hit both. The
//! ratio is the median of the rounds' ratios; the 99th percentile is reported and gates nothing.

/// What both sides took, in the figure's unit.
#[derive(Default)]
pub struct Sides {
    ours: Vec<f64>,
    other: Vec<f64>,
    ratios: Vec<f64>,
}

impl Sides {
    /// The shots of one round. A shot that was lost is not among them.
    pub fn round(&mut self, mut ours: Vec<f64>, mut other: Vec<f64>) {
        if ours.is_empty() || other.is_empty() {
            return;
        }
        self.ratios.push(percentile(&mut ours, 50) / percentile(&mut other, 50));
        self.ours.append(&mut ours);
        self.other.append(&mut other);
    }

    /// Prints the figure. `budget`: what the ratio may be; none when it is for information.
    #[allow(dead_code, reason = "of some benches")]
    pub fn print(self, name: &str, unit: &str, beside: &str, budget: Option<f64>) {
        self.line(name, unit, beside, &budget.map_or("-".into(), |budget| format!("{budget:.2}")));
    }

    /// The same with what the ratio should be, and need not be yet: whether it is, is said and gates nothing.
    #[allow(dead_code, reason = "of some benches")]
    pub fn print_goal(self, name: &str, unit: &str, beside: &str, goal: f64) {
        self.line(name, unit, beside, &format!("goal {goal:.2}"));
    }

    fn line(mut self, name: &str, unit: &str, beside: &str, budget: &str) {
        assert!(!self.ratios.is_empty(), "{name}: nothing was measured");
        let rounds = self.ratios.len();
        let ratio = percentile(&mut self.ratios, 50);
        let (ours, other) = (percentile(&mut self.ours, 50), percentile(&mut self.other, 50));
        let (ours99, other99) = (percentile(&mut self.ours, 99), percentile(&mut self.other, 99));
        println!(
            "figure|{name}|{unit}|{ours:.3}|{ours99:.3}|{beside}|{other:.3}|{other99:.3}|{ratio:.3}|{budget}|{rounds}"
        );
    }
}

/// That part of the values, in percent, is not above.
pub fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[(values.len() - 1) * percent / 100]
}
