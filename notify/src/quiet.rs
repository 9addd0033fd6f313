//! The hours in which people are left alone, by the local time of the host.
//!
//! Only arithmetic: whoever asks brings the time. Days on which the clocks change are as long as they are there.

use std::time::Duration;

use config::QuietHours;
use jiff::{Zoned, civil::Time};

/// How long from `now` until these hours end; `None` outside of them.
pub fn ends_in(hours: QuietHours, now: &Zoned) -> Option<Duration> {
    let minute = u16::from(now.hour().unsigned_abs()) * 60 + u16::from(now.minute().unsigned_abs());
    let (from, to) = (hours.from, hours.to);
    let within = if from < to {
        (from..to).contains(&minute)
    } else {
        minute >= from || minute < to
    };
    if !within {
        return None;
    }
    let today = minute < to;
    let day = if today {
        now.date()
    } else {
        now.date().tomorrow().ok()?
    };
    let end = Time::midnight() + Duration::from_secs(u64::from(to) * 60);
    // A time that the clocks skip that day is taken as the moment after the gap.
    let end = day
        .to_datetime(end)
        .to_zoned(now.time_zone().clone())
        .ok()?;
    let left = end.timestamp().duration_since(now.timestamp());
    // Never zero: whoever waits for it must not find the same hours again at once.
    Some(
        Duration::try_from(left)
            .unwrap_or_default()
            .max(Duration::from_secs(1)),
    )
}

#[cfg(test)]
mod tests {
    use jiff::{civil::date, tz::TimeZone};

    use super::*;

    const NIGHT: QuietHours = QuietHours {
        from: 22 * 60,
        to: 7 * 60,
    };
    const NOON: QuietHours = QuietHours {
        from: 12 * 60,
        to: 13 * 60,
    };

    fn left(hours: QuietHours, zone: &TimeZone, day: i8, hour: i8, minute: i8) -> Option<u64> {
        let now = date(2026, 3, day).at(hour, minute, 0, 0);
        let now = now.to_zoned(zone.clone()).unwrap();
        ends_in(hours, &now).map(|left| left.as_secs() / 60)
    }

    #[test]
    fn quiet_hours_may_go_over_midnight() {
        let utc = TimeZone::UTC;
        for (day, hour, minute, expected) in [
            (10, 21, 59, None),
            (10, 22, 0, Some(9 * 60)),
            (10, 23, 30, Some(7 * 60 + 30)),
            (11, 0, 0, Some(7 * 60)),
            (11, 6, 59, Some(1)),
            (11, 7, 0, None),
        ] {
            assert_eq!(
                left(NIGHT, &utc, day, hour, minute),
                expected,
                "{hour}:{minute}"
            );
        }
        assert_eq!(left(NOON, &utc, 10, 11, 59), None);
        assert_eq!(left(NOON, &utc, 10, 12, 15), Some(45));
        assert_eq!(left(NOON, &utc, 10, 13, 0), None);
    }

    #[test]
    fn hours_are_those_of_the_hosts_zone_and_a_night_may_be_shorter() {
        // Central Europe by its rule: the clocks go forward on the 29th of March 2026, at 2:00.
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        assert_eq!(left(NIGHT, &zone, 27, 22, 0), Some(9 * 60));
        assert_eq!(left(NIGHT, &zone, 28, 22, 0), Some(8 * 60));
        let tokyo = TimeZone::posix("JST-9").unwrap();
        let noon = date(2026, 3, 10)
            .at(14, 0, 0, 0)
            .to_zoned(TimeZone::UTC)
            .unwrap();
        let there = noon.with_time_zone(tokyo);
        assert_eq!(
            ends_in(NIGHT, &there).map(|left| left.as_secs() / 3600),
            Some(8)
        );
    }
}
