//! Wall time as people write it, in UTC.

use std::time::Duration;

/// `2026-11-22 20:25:17`.
pub fn date_and_time(wall: Duration) -> String {
    let (days, seconds) = (wall.as_secs() / 86_400, wall.as_secs() % 86_400);
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `2026-11-22T20:25:17.123Z`.
pub fn stamp(wall: Duration) -> String {
    format!("{}.{:03}Z", date_and_time(wall).replace(' ', "T"), wall.subsec_millis())
}

/// The civil date of a day after 1970-01-01: years begin in March, so that the leap day is their last.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // since 0000-03-01
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00:00"),
            (883_612_800, "1998-01-01 00:00:00"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_709_251_199, "2024-02-29 23:59:59"),
            (1_795_379_117, "2026-11-22 20:25:17"),
        ] {
            assert_eq!(date_and_time(Duration::from_secs(seconds)), text);
        }
        assert_eq!(stamp(Duration::from_millis(1)), "1970-01-01T00:00:00.001Z");
    }
}
