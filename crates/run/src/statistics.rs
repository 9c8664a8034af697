//! Exact enough quantiles of response times.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::seconds;

/// What is longer counts as this, in microseconds (about 12 days); only the maximum stays exact.
const LONGEST: u64 = 1 << 40;

/// Collects durations: three digits of every quantile are right, the extremes are exact.
///
/// Durations count in microseconds. The memory it takes depends on the range of the values, not on
/// their number.
#[derive(Clone, Debug)]
pub struct Latencies {
    /// `None` never happens: 3 digits are in the 0..=5 that the constructor accepts.
    histogram: Option<Histogram<u64>>,
    extremes: Option<(Duration, Duration)>,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { histogram: Histogram::new(3).ok(), extremes: None }
    }
}

impl Latencies {
    /// Takes one more into account.
    pub fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX).min(LONGEST);
        if let Some(histogram) = &mut self.histogram {
            // It grows on demand, and everything up to `LONGEST` fits.
            histogram.record(micros).unwrap_or_default();
        }
        let (least, most) = self.extremes.unwrap_or((duration, duration));
        self.extremes = Some((least.min(duration), most.max(duration)));
    }

    /// Takes all of the other ones into account too.
    pub fn merge(&mut self, other: &Self) {
        if let (Some(mine), Some(theirs)) = (&mut self.histogram, &other.histogram) {
            // Both grow on demand, so there is no value that does not fit.
            mine.add(theirs).unwrap_or_default();
        }
        self.extremes = match (self.extremes, other.extremes) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (mine, theirs) => mine.or(theirs),
        };
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.histogram.as_ref().map_or(0, Histogram::len)
    }

    /// The duration that this part (0..1) of all does not exceed; `None` when nothing was recorded.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let (least, most) = self.extremes?;
        let micros = self.histogram.as_ref()?.value_at_quantile(part);
        Some(Duration::from_micros(micros).clamp(least, most))
    }

    /// The usual quantiles; `None` when nothing was recorded.
    pub fn summary(&self) -> Option<LatencySummary> {
        let (min, max) = self.extremes?;
        Some(LatencySummary {
            count: self.count(),
            min,
            median: self.quantile(0.5)?,
            p95: self.quantile(0.95)?,
            p99: self.quantile(0.99)?,
            max,
        })
    }
}

/// The usual quantiles; in JSON in seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize)]
pub struct LatencySummary {
    /// How many were recorded.
    pub count: u64,
    /// The shortest.
    #[serde(serialize_with = "seconds::plain")]
    pub min: Duration,
    /// Half are not longer.
    #[serde(serialize_with = "seconds::plain")]
    pub median: Duration,
    /// 95 of 100 are not longer.
    #[serde(serialize_with = "seconds::plain")]
    pub p95: Duration,
    /// 99 of 100 are not longer.
    #[serde(serialize_with = "seconds::plain")]
    pub p99: Duration,
    /// The longest.
    #[serde(serialize_with = "seconds::plain")]
    pub max: Duration,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_recorded_has_no_quantiles() {
        assert_eq!(Latencies::default().summary(), None);
    }

    #[test]
    fn durations_beyond_all_bounds_count_and_keep_their_extremes() {
        let mut latencies = Latencies::default();
        latencies.record(Duration::ZERO);
        latencies.record(Duration::MAX);
        let summary = latencies.summary().unwrap();
        assert_eq!((summary.count, summary.min, summary.max), (2, Duration::ZERO, Duration::MAX));
    }

    fn exact(sorted: &[u64], part: f64) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "small counts"
        )]
        let rank = (part * sorted.len() as f64).ceil() as usize;
        sorted[rank.max(1) - 1]
    }

    proptest! {
        /// The oracle sorts all values.
        #[test]
        fn quantiles_are_those_of_the_sorted_values(
            mut micros in prop::collection::vec(0_u64..100_000_000, 1..300),
            split in 0_usize..300,
        ) {
            let split = split.min(micros.len());
            let (mut all, mut rest) = (Latencies::default(), Latencies::default());
            micros[..split].iter().for_each(|&value| all.record(Duration::from_micros(value)));
            micros[split..].iter().for_each(|&value| rest.record(Duration::from_micros(value)));
            all.merge(&rest);
            micros.sort_unstable();
            let summary = all.summary().unwrap();
            prop_assert_eq!(summary.count, u64::try_from(micros.len()).unwrap());
            prop_assert_eq!(summary.min, Duration::from_micros(micros[0]));
            prop_assert_eq!(summary.max, Duration::from_micros(micros[micros.len() - 1]));
            for (measured, part) in [(summary.median, 0.5), (summary.p95, 0.95), (summary.p99, 0.99)] {
                let measured = u64::try_from(measured.as_micros()).unwrap();
                let exact = exact(&micros, part);
                prop_assert!(measured.abs_diff(exact) <= exact / 1000 + 1, "{measured} {exact}");
            }
        }
    }
}
