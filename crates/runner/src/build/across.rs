//! `across`: the step once for each combination of values, each in a scope of its own.

use super::{Scope, flow, parallel};
use crate::pipeline::{Across, AcrossVar, Step};
use crate::report::Status;
use crate::yaml::{Kind, Node};
use futures_util::future::{BoxFuture, FutureExt};

pub(super) async fn run(step: &Step, across: &Across, scope: &Scope) -> Status {
    let part = scope.with(scope.interrupt.part());
    repeat(step, &across.vars, across.fail_fast, part).await
}

/// One level per var: the values of the first, and inside each the values of the rest.
fn repeat<'s>(
    step: &'s Step,
    vars: &'s [AcrossVar],
    fail_fast: bool,
    scope: Scope,
) -> BoxFuture<'s, Status> {
    async move {
        let Some((var, rest)) = vars.split_first() else {
            return flow::attempts(step, &scope).await;
        };
        let values = match values(var, &scope) {
            Ok(values) => values,
            Err(reason) => return super::leaf::cannot_start(step, &scope, &reason),
        };
        let part = scope.with(scope.interrupt.part());
        let work = values.iter().map(|value| {
            let own = part
                .own()
                .at(&format!(" ({}: {})", var.var.text, shown(value)));
            own.set_local(&var.var.text, value.to_json());
            async move {
                if own.interrupt.is_raised() {
                    own.stopped()
                } else {
                    repeat(step, rest, fail_fast, own).await
                }
            }
            .boxed()
        });
        parallel::together(work.collect(), var.max_in_flight, fail_fast, &scope, &part).await
    }
    .boxed()
}

fn values(var: &AcrossVar, scope: &Scope) -> Result<Vec<Node>, String> {
    let filled = scope.fill(&var.values)?;
    match filled.kind {
        Kind::List(values) => Ok(values),
        _ => Err(format!(
            "across: the values of `{}` must be a list, not {}",
            var.var.text,
            filled.describe()
        )),
    }
}

/// A value in the place of a step: short ones as they are.
fn shown(value: &Node) -> String {
    let text = match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_json().to_string(),
    };
    if text.chars().count() > 40 {
        format!("{}…", text.chars().take(40).collect::<String>())
    } else {
        text
    }
}
