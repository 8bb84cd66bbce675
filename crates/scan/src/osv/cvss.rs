//! The base score of a CVSS version 3.0 or 3.1 vector (specification 3.1, section 7.1).

use std::collections::HashMap;

/// The base score, 0.0 to 10.0; none if the vector is not a whole base vector of version 3.
pub fn base_score(vector: &str) -> Option<f64> {
    let metrics = vector
        .strip_prefix("CVSS:3.1/")
        .or_else(|| vector.strip_prefix("CVSS:3.0/"))?;
    let pairs: Option<HashMap<_, _>> = metrics
        .split('/')
        .map(|metric| metric.split_once(':'))
        .collect();
    let pairs = pairs?;
    let metric = |name: &str| pairs.get(name).copied();
    let changed = match metric("S")? {
        "U" => false,
        "C" => true,
        _ => return None,
    };
    let impacts = [
        impact(metric("C")?)?,
        impact(metric("I")?)?,
        impact(metric("A")?)?,
    ];
    let base = 1.0 - impacts.iter().map(|impact| 1.0 - impact).product::<f64>();
    let exploitability = 8.22
        * attack_vector(metric("AV")?)?
        * attack_complexity(metric("AC")?)?
        * privileges(metric("PR")?, changed)?
        * interaction(metric("UI")?)?;
    Some(score(base, exploitability, changed))
}

fn score(base: f64, exploitability: f64, changed: bool) -> f64 {
    let impact = if changed {
        7.52 * (base - 0.029) - 3.25 * (base - 0.02).powi(15)
    } else {
        6.42 * base
    };
    if impact <= 0.0 {
        return 0.0;
    }
    let factor = if changed { 1.08 } else { 1.0 };
    round_up((factor * (impact + exploitability)).min(10.0))
}

/// Up to one decimal, with the specification's guard against floating point (appendix A).
fn round_up(value: f64) -> f64 {
    let scaled = (value * 100_000.0).round();
    if scaled % 10_000.0 == 0.0 {
        scaled / 100_000.0
    } else {
        ((scaled / 10_000.0).floor() + 1.0) / 10.0
    }
}

fn impact(value: &str) -> Option<f64> {
    pick(value, &[("H", 0.56), ("L", 0.22), ("N", 0.0)])
}

fn attack_vector(value: &str) -> Option<f64> {
    pick(value, &[("N", 0.85), ("A", 0.62), ("L", 0.55), ("P", 0.2)])
}

fn attack_complexity(value: &str) -> Option<f64> {
    pick(value, &[("L", 0.77), ("H", 0.44)])
}

fn privileges(value: &str, changed: bool) -> Option<f64> {
    let weights = if changed {
        [("N", 0.85), ("L", 0.68), ("H", 0.5)]
    } else {
        [("N", 0.85), ("L", 0.62), ("H", 0.27)]
    };
    pick(value, &weights)
}

fn interaction(value: &str) -> Option<f64> {
    pick(value, &[("N", 0.85), ("R", 0.62)])
}

fn pick(value: &str, weights: &[(&str, f64)]) -> Option<f64> {
    weights
        .iter()
        .find(|(name, _)| *name == value)
        .map(|(_, weight)| *weight)
}

#[cfg(test)]
mod tests {
    use super::base_score;

    #[test]
    fn scores_are_those_that_the_nvd_published() {
        let published = [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5),
            ("CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 7.8),
            ("CVSS:3.1/AV:L/AC:L/PR:N/UI:R/S:U/C:N/I:N/A:H", 5.5),
            ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:L/A:H", 6.5),
            ("CVSS:3.0/AV:N/AC:L/PR:L/UI:R/S:C/C:L/I:L/A:N", 5.4),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
            ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ];
        for (vector, score) in published {
            assert_eq!(base_score(vector), Some(score), "{vector}");
        }
    }

    #[test]
    fn what_is_no_whole_vector_has_no_score() {
        let broken = [
            "",
            "9.8",
            "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H",
            "CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
            "AV:N/AC:L/Au:N/C:C/I:C/A:C",
        ];
        for vector in broken {
            assert_eq!(base_score(vector), None, "{vector}");
        }
    }
}
