//! The steps that only a Concourse does: `set_pipeline`, and `run` of a prototype.

use super::leaf::name;
use crate::pipeline::{Fields, Name, Shape};
use crate::report::StepKind;

/// A step that is judged, and that a run refuses.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    /// Its kind.
    pub kind: StepKind,
    /// Its name; of `run` the message.
    pub name: Name,
    /// The prototype of a `run`.
    pub prototype: Option<Name>,
    /// Why it is not done here, and what a person does instead.
    pub reason: &'static str,
}

impl Elsewhere {
    pub(super) fn set_pipeline(fields: &mut Fields<'_, '_>) -> Self {
        let name = name(fields, "set_pipeline");
        if fields.string("file").is_none() {
            fields.error(name.at, "set_pipeline: no file specified");
        }
        fields.ignore(&[
            ("team", Shape::Text),
            ("vars", Shape::Mapping),
            ("var_files", Shape::Texts),
            ("instance_vars", Shape::Mapping),
        ]);
        let reason =
            "`trireme run` has no server on which to set a pipeline: run that pipeline by itself";
        fields.note("set_pipeline", &format!("`set_pipeline`: {reason}"));
        Self {
            kind: StepKind::SetPipeline,
            name,
            prototype: None,
            reason,
        }
    }

    pub(super) fn run(fields: &mut Fields<'_, '_>) -> Self {
        let name = name(fields, "run");
        let prototype = fields.string("type");
        if prototype.is_none() {
            fields.error(name.at, "run: no `type` specified: the name of a prototype");
        }
        fields.ignore(&[
            ("params", Shape::Mapping),
            ("privileged", Shape::Flag),
            ("container_limits", Shape::Mapping),
        ]);
        fields.tags();
        let reason = "`trireme run` has no prototypes: name the jobs that do without with --job";
        fields.note("run", &format!("`run`: {reason}"));
        Self {
            kind: StepKind::Run,
            name,
            prototype,
            reason,
        }
    }
}
