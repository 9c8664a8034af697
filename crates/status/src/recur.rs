//! When something comes again: the part of the recurrence rules of iCalendar (RFC 5545, section
//! 3.3.10) that maintenance needs.
//!
//! `FREQ` is `DAILY`, `WEEKLY` or `MONTHLY`; with `INTERVAL`, `COUNT` or `UNTIL`, `BYDAY` (in months
//! with the number of the week, `1SU` or `-1FR`) and `BYMONTHDAY`. Rules are about clocks on the
//! wall: 22:00 stays 22:00 when summer time ends. A time that a day does not have is taken by as
//! much later as the clock jumps.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use lotse_core::time::Timestamp;

use crate::error::Error;

/// More occurrences than this are not looked at.
const MOST: u32 = 20_000;

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frequency {
    /// Every day, or every so many.
    Daily,
    /// Every week.
    Weekly,
    /// Every month.
    Monthly,
}

/// A recurrence rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// How often.
    pub frequency: Frequency,
    /// Every how many days, weeks or months.
    pub interval: u32,
    /// On which days of the week; with a number, which one of the month (negative from its end).
    pub days: Vec<(Option<i8>, Weekday)>,
    /// On which days of the month; negative from its end.
    pub month_days: Vec<i8>,
    /// How many there are, the first one included.
    pub count: Option<u32>,
    /// The last moment at which one may begin.
    pub until: Option<Timestamp>,
}

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
    ("SU", Weekday::Sunday),
];

fn wrong(reason: impl Into<String>) -> Error {
    Error::invalid("rule", reason)
}

impl Rule {
    /// Reads a rule, for example `FREQ=WEEKLY;BYDAY=TU,TH` or `FREQ=MONTHLY;BYDAY=1SU`.
    ///
    /// # Errors
    /// It is none, or says something that is not understood here.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut frequency = None;
        let mut rule = Self {
            frequency: Frequency::Daily,
            interval: 1,
            days: Vec::new(),
            month_days: Vec::new(),
            count: None,
            until: None,
        };
        for part in text.split(';') {
            let (key, value) = part.split_once('=').ok_or_else(|| wrong("KEY=VALUE is needed"))?;
            let number = || value.parse::<u32>().ok().filter(|number| (1..=999).contains(number));
            match key {
                "FREQ" => frequency = Some(frequency_of(value)?),
                "INTERVAL" => {
                    rule.interval = number().ok_or_else(|| wrong("INTERVAL is 1 to 999"))?;
                }
                "COUNT" => {
                    rule.count = Some(number().ok_or_else(|| wrong("COUNT is 1 to 999"))?);
                }
                "UNTIL" => rule.until = Some(until_of(value)?),
                "BYDAY" => rule.days = value.split(',').map(day_of).collect::<Result<_, _>>()?,
                "BYMONTHDAY" => {
                    rule.month_days =
                        value.split(',').map(month_day_of).collect::<Result<_, _>>()?;
                }
                "WKST" if value == "MO" => {}
                _ => return Err(wrong(format!("{key} is not understood"))),
            }
        }
        rule.frequency = frequency.ok_or_else(|| wrong("FREQ is missing"))?;
        rule.checked()
    }

    fn checked(self) -> Result<Self, Error> {
        let has_numbers = self.days.iter().any(|(number, _)| number.is_some());
        if self.count.is_some() && self.until.is_some() {
            return Err(wrong("COUNT and UNTIL exclude each other"));
        }
        if self.frequency != Frequency::Monthly && (has_numbers || !self.month_days.is_empty()) {
            return Err(wrong("numbered days and BYMONTHDAY need FREQ=MONTHLY"));
        }
        if !self.days.is_empty() && !self.month_days.is_empty() {
            return Err(wrong("BYDAY and BYMONTHDAY at once are not understood"));
        }
        Ok(self)
    }

    /// The beginnings after `after` and up to `to`, both as moments; the first one of all is `start`.
    pub fn between(
        &self,
        start: Timestamp,
        zone: &TimeZone,
        after: Timestamp,
        to: Timestamp,
    ) -> Vec<Timestamp> {
        let first = start.to_zoned(zone.clone());
        let (time, first) = (first.time(), first.date());
        let at = |date: Date| {
            let zoned = date.to_datetime(time).to_zoned(zone.clone()).ok()?;
            Some(zoned.timestamp())
        };
        let mut found = Vec::new();
        let mut seen = 0;
        for step in 0..MOST {
            let Some(dates) = self.dates(first, step) else { break };
            for moment in dates.into_iter().filter(|date| *date >= first).filter_map(at) {
                let is_over = self.until.is_some_and(|until| moment > until);
                if moment > to || is_over || self.count.is_some_and(|count| seen >= count) {
                    return found;
                }
                seen += 1;
                if moment > after {
                    found.push(moment);
                }
            }
        }
        found
    }

    /// The days of the nth period that may begin one, in order; nothing at the end of time.
    fn dates(&self, first: Date, step: u32) -> Option<Vec<Date>> {
        let passed = i64::from(step) * i64::from(self.interval);
        let span = jiff::Span::new();
        match self.frequency {
            Frequency::Daily => {
                let date = first.checked_add(span.try_days(passed).ok()?).ok()?;
                let is_wanted =
                    self.days.is_empty() || self.days.iter().any(|(_, day)| *day == date.weekday());
                Some(if is_wanted { vec![date] } else { Vec::new() })
            }
            Frequency::Weekly => {
                let back = i64::from(first.weekday().to_monday_zero_offset());
                let monday = first.checked_sub(span.try_days(back).ok()?).ok()?;
                let monday = monday.checked_add(span.try_weeks(passed).ok()?).ok()?;
                let mut days: Vec<_> = self.days.iter().map(|(_, day)| *day).collect();
                if days.is_empty() {
                    days.push(first.weekday());
                }
                let offset = |day: Weekday| i64::from(day.to_monday_zero_offset());
                let date = |day| monday.checked_add(span.try_days(offset(day)).ok()?).ok();
                let mut dates: Vec<_> = days.into_iter().filter_map(date).collect();
                dates.sort_unstable();
                dates.dedup();
                Some(dates)
            }
            Frequency::Monthly => {
                let month = first.first_of_month();
                let month = month.checked_add(span.try_months(passed).ok()?).ok()?;
                Some(self.days_of(month, first.day()))
            }
        }
    }

    /// The days of a month; without a word in the rule, the one of the first occurrence.
    fn days_of(&self, month: Date, usual: i8) -> Vec<Date> {
        let last = month.days_in_month();
        let mut days: Vec<i8> = if self.days.is_empty() && self.month_days.is_empty() {
            vec![usual]
        } else {
            let counted = |day: &i8| if *day < 0 { last + 1 + day } else { *day };
            self.month_days.iter().map(counted).collect()
        };
        for (number, weekday) in &self.days {
            let away = i64::from(weekday.to_monday_zero_offset())
                - i64::from(month.weekday().to_monday_zero_offset());
            let first = i8::try_from(away.rem_euclid(7) + 1).unwrap_or(1);
            let all: Vec<i8> = (0..5).map(|week| first + 7 * week).filter(|d| *d <= last).collect();
            match number {
                None => days.extend(all),
                Some(number) if *number > 0 => {
                    days.extend(all.get(usize::from(number.unsigned_abs()) - 1));
                }
                Some(number) => {
                    days.extend(all.iter().rev().nth(usize::from(number.unsigned_abs()) - 1));
                }
            }
        }
        days.sort_unstable();
        days.dedup();
        let date = |day: i8| Date::new(month.year(), month.month(), day).ok();
        days.into_iter().filter_map(date).collect()
    }
}

fn frequency_of(value: &str) -> Result<Frequency, Error> {
    match value {
        "DAILY" => Ok(Frequency::Daily),
        "WEEKLY" => Ok(Frequency::Weekly),
        "MONTHLY" => Ok(Frequency::Monthly),
        _ => Err(wrong("FREQ is DAILY, WEEKLY or MONTHLY")),
    }
}

/// `20261231` (to its end, in UTC) or `20261231T220000Z`.
fn until_of(value: &str) -> Result<Timestamp, Error> {
    let whole = if value.len() == 8 { format!("{value}T235959Z") } else { value.to_owned() };
    let parsed = whole.ends_with('Z').then(|| whole.parse::<Timestamp>().ok()).flatten();
    parsed.ok_or_else(|| wrong("UNTIL is YYYYMMDD or YYYYMMDDTHHMMSSZ"))
}

fn day_of(value: &str) -> Result<(Option<i8>, Weekday), Error> {
    let unknown = || wrong(format!("{value:?} is no day, as in MO, 1SU or -1FR"));
    let (number, name) =
        value.split_at_checked(value.len().saturating_sub(2)).ok_or_else(unknown)?;
    let (_, day) = WEEKDAYS.into_iter().find(|(known, _)| *known == name).ok_or_else(unknown)?;
    if number.is_empty() {
        return Ok((None, day));
    }
    let number = number.parse::<i8>().ok().filter(|n| (1..=5).contains(&n.unsigned_abs()));
    Ok((Some(number.ok_or_else(unknown)?), day))
}

fn month_day_of(value: &str) -> Result<i8, Error> {
    let day = value.parse::<i8>().ok().filter(|day| (1..=31).contains(&day.unsigned_abs()));
    day.ok_or_else(|| wrong("BYMONTHDAY is 1 to 31, or -1 to -31"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The clocks of Berlin, whatever this machine knows of zones.
    const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

    /// The first five beginnings of the rule, as its zone shows them.
    fn shown(rule: &str, start: &str, zone: &str) -> Vec<String> {
        let zone = TimeZone::posix(zone).unwrap();
        let start: Timestamp = start.parse().unwrap();
        let all = Rule::parse(rule).unwrap().between(
            start,
            &zone,
            Timestamp::MIN,
            start + jiff::SignedDuration::from_hours(24 * 800),
        );
        let text =
            |at: &Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
        all.iter().take(5).map(text).collect()
    }

    #[test]
    fn days_weeks_and_months_are_counted_as_calendars_do() {
        let start = "2026-11-03T21:00:00Z"; // a Tuesday, 22:00 in Berlin
        for (rule, wanted) in [
            ("FREQ=DAILY;INTERVAL=2;COUNT=3", &["11-03", "11-05", "11-07"][..]),
            ("FREQ=WEEKLY;UNTIL=20261117", &["11-03", "11-10", "11-17"]),
            ("FREQ=WEEKLY;BYDAY=MO,TH;COUNT=3", &["11-05", "11-09", "11-12"]),
            ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,WE;COUNT=4", &["11-03", "11-04", "11-17", "11-18"]),
            ("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=2", &["11-30", "12-31"]),
            ("FREQ=MONTHLY;BYDAY=1SU,-1FR;COUNT=3", &["11-27", "12-06", "12-25"]),
            ("FREQ=DAILY;BYDAY=SA;COUNT=2", &["11-07", "11-14"]),
        ] {
            let wanted: Vec<_> = wanted.iter().map(|day| format!("2026-{day} 22:00")).collect();
            assert_eq!(shown(rule, start, BERLIN), wanted, "{rule}");
        }
        let days = shown("FREQ=MONTHLY;COUNT=4", "2026-10-31T10:00:00Z", "UTC0");
        let wanted = ["2026-10-31", "2026-12-31", "2027-01-31", "2027-03-31"];
        assert_eq!(
            days,
            wanted.map(|day| format!("{day} 10:00")),
            "months without a 31st have none"
        );
    }

    #[test]
    fn clocks_on_the_wall_count_also_when_they_are_changed() {
        let nights = shown("FREQ=DAILY;COUNT=3", "2026-10-23T20:00:00Z", BERLIN);
        assert_eq!(nights, ["23", "24", "25"].map(|day| format!("2026-10-{day} 22:00")));
        // On the day of the jump there is no 02:30.
        let nights = shown("FREQ=DAILY;COUNT=3", "2026-03-28T01:30:00Z", BERLIN);
        assert_eq!(nights, ["2026-03-28 02:30", "2026-03-29 03:30", "2026-03-30 02:30"]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for rule in [
            "",
            "WEEKLY",
            "FREQ=YEARLY",
            "FREQ=WEEKLY;BYDAY=1MO",
            "FREQ=WEEKLY;BYDAY=XX",
            "FREQ=WEEKLY;BYDAY=ä",
            "FREQ=DAILY;COUNT=0",
            "FREQ=DAILY;COUNT=1;UNTIL=20261231",
            "FREQ=DAILY;UNTIL=tomorrow",
            "FREQ=MONTHLY;BYMONTHDAY=32",
            "FREQ=MONTHLY;BYDAY=6MO",
            "FREQ=DAILY;BYHOUR=3",
            "INTERVAL=2",
        ] {
            assert!(Rule::parse(rule).is_err(), "{rule}");
        }
    }
}
