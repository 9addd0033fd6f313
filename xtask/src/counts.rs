//! How many tests passed and failed, read from what the test runners print.
//!
//! Never a guess: output without a summary gives no count, and then no total is printed.

use std::ops::AddAssign;

/// Tests that ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tests that held.
    pub passed: u64,
    /// Tests that failed, timed out or crashed.
    pub failed: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// The sum of all runner summaries in `output` (colour removed), or none when there is no summary.
pub fn read(output: &str) -> Option<Counts> {
    let mut total = None::<Counts>;
    let mut add = |counts| *total.get_or_insert_default() += counts;
    for line in output.lines() {
        if let Some(counts) = nextest(line)
            .or_else(|| cargo(line))
            .or_else(|| node(line))
            .or_else(|| vitest(line))
        {
            add(counts);
        }
    }
    total
}

/// `Summary [   1.2s] 3 tests run: 2 passed (1 slow), 1 failed, 0 skipped`
fn nextest(line: &str) -> Option<Counts> {
    let (_, summary) = line
        .trim_start()
        .strip_prefix("Summary [")?
        .split_once("] ")?;
    let (run, results) = summary.split_once(" run: ")?;
    let run: u64 = run.split(['/', ' ']).next()?.parse().ok()?;
    let passed = before(results, " passed").unwrap_or(0);
    Some(Counts {
        passed,
        failed: run.checked_sub(passed)?,
    })
}

/// `test result: FAILED. 2 passed; 1 failed; 0 ignored; …`
fn cargo(line: &str) -> Option<Counts> {
    let result = line.strip_prefix("test result: ")?;
    Some(Counts {
        passed: before(result, " passed")?,
        failed: before(result, " failed")?,
    })
}

/// `ℹ pass 3`, `ℹ fail 1`, `ℹ cancelled 0`, or the same after `#`; one line a number.
fn node(line: &str) -> Option<Counts> {
    let mut words = line
        .strip_prefix("ℹ ")
        .or_else(|| line.strip_prefix("# "))?
        .split(' ');
    let (name, number) = (words.next()?, words.next()?.parse().ok()?);
    match name {
        "pass" => Some(Counts {
            passed: number,
            failed: 0,
        }),
        "fail" | "cancelled" => Some(Counts {
            passed: 0,
            failed: number,
        }),
        _ => None,
    }
}

/// `      Tests  1 failed | 11 passed (12)`
fn vitest(line: &str) -> Option<Counts> {
    let results = line.trim_start().strip_prefix("Tests  ")?;
    let (_, run) = results.strip_suffix(')')?.rsplit_once('(')?;
    run.parse::<u64>().ok()?;
    let number = |word| before(results, word).unwrap_or(0);
    Some(Counts {
        passed: number(" passed"),
        failed: number(" failed"),
    })
}

/// The number that stands directly before `word`.
fn before(text: &str, word: &str) -> Option<u64> {
    text[..text.find(word)?]
        .rsplit(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(output: &str, expected: Option<(u64, u64)>) {
        assert_eq!(
            read(output),
            expected.map(|(passed, failed)| Counts { passed, failed }),
            "{output}"
        );
    }

    #[test]
    fn summaries_of_each_runner_are_read() {
        check(
            "     Summary [   0.012s] 3 tests run: 3 passed, 0 skipped\n",
            Some((3, 0)),
        );
        check(
            "     Summary [   9.1s] 12 tests run: 9 passed (1 slow, 1 leaky), 2 failed, 1 timed out, 4 skipped\n",
            Some((9, 3)),
        );
        check(
            "     Summary [   9.1s] 1 test run: 0 passed, 1 failed, 0 skipped\n",
            Some((0, 1)),
        );
        check(
            "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n",
            Some((2, 0)),
        );
        check(
            "ℹ tests 4\nℹ pass 3\nℹ fail 1\nℹ cancelled 0\n",
            Some((3, 1)),
        );
        check(
            "# tests 4\n# pass 2\n# fail 1\n# cancelled 1\n",
            Some((2, 2)),
        );
    }

    #[test]
    fn several_summaries_are_added_up() {
        check(
            "test result: ok. 2 passed; 0 failed\ntest result: FAILED. 1 passed; 3 failed\n",
            Some((3, 3)),
        );
    }

    #[test]
    fn output_without_a_summary_gives_no_count() {
        check(
            "error[E0425]: cannot find value\n3 passed in spirit\n",
            None,
        );
    }
}
