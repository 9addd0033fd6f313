//! Clock and ids: UUIDs of version 7, dates in UTC, and the numbers of items. Nothing here is secret or unguessable.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    now_us() / 1000
}

/// Microseconds since 1970.
pub(super) fn now_us() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_micros() as u64)
}

/// A new UUID of version 7, as threads and turns have them.
pub(super) fn uuid() -> String {
    let high = (now_ms() << 16) | 0x7000 | fastrand::u64(..0x1000);
    let low = 0x8000_0000_0000_0000 | fastrand::u64(..) >> 2;
    let hex = format!("{high:016x}{low:016x}");
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// An id like those of the provider: `msg_6cfb3fecfa3d4c78`.
pub(super) fn item_id(prefix: &str) -> String {
    format!("{prefix}_{:016x}", fastrand::u64(..))
}

/// Milliseconds since 1970 at which the UUID was made; `None` when it is none of version 7.
pub(super) fn made_at_ms(uuid: &str) -> Option<u64> {
    let hyphens = [8, 13, 18, 23];
    let well_formed = uuid.len() == 36
        && uuid.bytes().enumerate().all(|(at, byte)| {
            if hyphens.contains(&at) {
                byte == b'-'
            } else {
                byte.is_ascii_hexdigit()
            }
        });
    if !well_formed {
        return None;
    }
    u64::from_str_radix(&format!("{}{}", &uuid[..8], &uuid[9..13]), 16).ok()
}

/// A moment in UTC, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    /// Year, month, day.
    pub(super) day: (i64, u64, u64),
    /// Hour, minute, second.
    pub(super) time: (u64, u64, u64),
}

impl Date {
    /// The moment so many milliseconds after 1970.
    pub(super) fn from_ms(ms: u64) -> Self {
        let seconds = ms / 1000;
        // Days since 0000-03-01, counted in eras of 400 years, so that leap days come last.
        let days = (seconds / 86_400) as i64 + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097) as u64;
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = year_of_era as i64 + era * 400 + i64::from(month <= 2);
        let rest = seconds % 86_400;
        Self {
            day: (year, month, day),
            time: (rest / 3600, rest / 60 % 60, rest % 60),
        }
    }

    /// `2026-11-24T07:55:40` with this between hour, minute and second.
    pub(super) fn text(self, colon: &str) -> String {
        let ((year, month, day), (hour, minute, second)) = (self.day, self.time);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}{colon}{minute:02}{colon}{second:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar() {
        let texts = [0, 951_782_400_000, 1_795_506_940_786, 1_709_251_199_000]
            .map(|ms| Date::from_ms(ms).text(":"));
        assert_eq!(
            texts,
            [
                "1970-01-01T00:00:00",
                "2000-02-29T00:00:00",
                "2026-11-24T07:55:40",
                "2024-02-29T23:59:59"
            ]
        );
    }

    #[test]
    fn a_uuid_tells_when_it_was_made() {
        assert_eq!(
            made_at_ms("01a20c8d-ab75-7f30-9b65-88c378ccef10"),
            Some(0x01a2_0c8d_ab75)
        );
        assert!(made_at_ms(&uuid()).unwrap().abs_diff(now_ms()) < 5000);
        assert_eq!(
            ["zz", "01a20c8d-ab75-7f30-9b65-88c378ccef1x"].map(made_at_ms),
            [None, None]
        );
    }
}
