//! The page of the book that shows the results.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{Fact, Results, Target};

/// The whole page; `order` gives the benchmarks and what they are about.
pub(super) fn render(order: &[(&str, &str)], all: &BTreeMap<String, Results>) -> String {
    let mut out = String::from(
        "# Benchmarks\n\n<!-- Written by `cargo xtask bench`; edit bench/ instead. -->\n\n\
         What Lotse costs, measured beside what it replaces. Comparisons are ratios of one run on\n\
         one machine; how each number is taken is told in `bench/README.md`. A number that misses\n\
         its target stands here all the same.\n",
    );
    for (name, about) in order {
        let Some(Results { machine, commit, facts }) = all.get(*name) else { continue };
        let title = about.chars().next().map(|c| c.to_uppercase().collect::<String>());
        let rest = about.get(1..).unwrap_or_default();
        let title = title.unwrap_or_default();
        let facts = table(facts);
        let origin = format!("Commit `{commit}` on {machine}; `cargo xtask bench {name}`.");
        // Writing into a String cannot fail.
        write!(out, "\n## {title}{rest}\n\n{facts}\n{origin}\n").unwrap_or_default();
    }
    out
}

/// The numbers as a Markdown table.
pub(super) fn table(facts: &[Fact]) -> String {
    let mut out = String::from("| what | measured | target | met |\n| --- | ---: | ---: | --- |\n");
    for fact in facts {
        let target = match fact.target {
            None => String::new(),
            Some(Target::AtMost(most)) => format!("≤ {most} {}", fact.unit),
            Some(Target::AtLeast(least)) => format!("≥ {least} {}", fact.unit),
        };
        let met = match fact.met() {
            None => "",
            Some(true) => "yes",
            Some(false) => "**no**",
        };
        // Writing into a String cannot fail.
        writeln!(
            out,
            "| {} | {} {} | {target} | {met} |",
            fact.what,
            number(fact.value),
            fact.unit
        )
        .unwrap_or_default();
    }
    out
}

/// Three digits are enough.
fn number(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_target_is_said() {
        let slow = Fact::new("start", 12.0, "ms").wanted(Target::AtMost(10.0));
        assert!(table(&[slow]).contains("| start | 12.0 ms | ≤ 10 ms | **no** |"));
        let good = Fact::new("ratio", 9.5, "×").wanted(Target::AtLeast(8.0));
        assert!(table(&[good]).contains("| ratio | 9.50 × | ≥ 8 × | yes |"));
    }

    #[test]
    fn only_measured_benchmarks_are_on_the_page() {
        let results = Results {
            machine: "a machine".to_owned(),
            commit: "abc".to_owned(),
            facts: vec![Fact::new("x", 1.0, "s")],
        };
        let page = render(&[("a", "first"), ("b", "second")], &[("b".to_owned(), results)].into());
        assert!(page.contains("## Second\n") && !page.contains("First"), "{page}");
    }
}
