//! Answers that are kept for as long as they are true.
//!
//! A page about the present is the same for everybody until something begins or ends, or until its own
//! time is over. It is rendered once for that time. What names an address that readers brought is kept
//! apart, so that strangers with many addresses neither fill the memory nor push out the rest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use lotse_core::time::Timestamp;

use crate::answer::Answer;

/// What an answer about the present is called, and until when it is kept at most.
#[derive(Clone, Debug)]
pub(crate) struct Present {
    pub(crate) name: String,
    pub(crate) now: Timestamp,
    pub(crate) longest: Timestamp,
    /// Whether the name has in it what a reader wrote.
    pub(crate) by_reader: bool,
    /// Whether it is asked for more than once.
    pub(crate) is_kept: bool,
}

impl Present {
    /// True until something begins or ends.
    pub(crate) fn new(name: impl Into<String>, now: Timestamp) -> Self {
        let longest = Timestamp::MAX;
        Self { name: name.into(), now, longest, by_reader: false, is_kept: true }
    }

    /// Nobody asks for it again: it goes into a bundle.
    pub(crate) fn once(self) -> Self {
        Self { is_kept: false, ..self }
    }

    /// True no longer than to the next minute: it shows how long something has lasted.
    pub(crate) fn until_next_minute(self) -> Self {
        let longest = next(self.now, 60);
        Self { longest, ..self }
    }

    /// True no longer than to the next day of UTC.
    pub(crate) fn until_next_day(self) -> Self {
        let longest = next(self.now, 24 * 60 * 60);
        Self { longest, ..self }
    }
}

/// When the next one of periods of so many seconds begins.
fn next(now: Timestamp, seconds: i64) -> Timestamp {
    let second = now.as_second().div_euclid(seconds).saturating_add(1).saturating_mul(seconds);
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}

/// An answer, and until when (not including) it is true. It is true from when it was made.
#[derive(Debug)]
struct Timed {
    from: Timestamp,
    until: Timestamp,
    answer: Arc<Answer>,
}

/// So many answers at most; when there are more, all are forgotten.
#[derive(Debug)]
pub(crate) struct Kept {
    most: usize,
    answers: Mutex<HashMap<String, Timed>>,
}

impl Kept {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, answers: Mutex::default() }
    }

    /// The answer of this name, if it is true now.
    pub(crate) fn get(&self, name: &str, now: Timestamp) -> Option<Arc<Answer>> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let timed = answers.get(name)?;
        (timed.from <= now && now < timed.until).then(|| Arc::clone(&timed.answer))
    }

    pub(crate) fn put(
        &self,
        name: String,
        (from, until): (Timestamp, Timestamp),
        answer: &Arc<Answer>,
    ) {
        let timed = Timed { from, until, answer: Arc::clone(answer) };
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= self.most && !answers.contains_key(&name) {
            answers.clear();
        }
        answers.insert(name, timed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn minutes_and_days_end_on_the_clock() {
        let present = Present::new("page", at(59));
        assert_eq!(present.clone().until_next_minute().longest, at(60));
        assert_eq!(present.until_next_day().longest, at(86_400));
        assert_eq!(Present::new("page", at(-1)).until_next_minute().longest, at(0));
        assert_eq!(Present::new("page", at(60)).until_next_minute().longest, at(120));
    }

    #[test]
    fn an_answer_is_given_for_its_time_and_no_more_than_the_most_are_kept() {
        let kept = Kept::new(2);
        let answer = Arc::new(Answer::new("text/plain", "text"));
        kept.put("one".to_owned(), (at(10), at(20)), &answer);
        let known = |name, second| kept.get(name, at(second)).is_some();
        assert!(!known("one", 9) && known("one", 10) && known("one", 19) && !known("one", 20));
        kept.put("two".to_owned(), (at(10), at(20)), &answer);
        kept.put("two".to_owned(), (at(10), at(30)), &answer);
        assert!(known("one", 12) && known("two", 25));
        kept.put("three".to_owned(), (at(10), at(20)), &answer);
        assert!(!known("one", 12) && !known("two", 12) && known("three", 12));
    }
}
