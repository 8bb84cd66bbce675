//! The JSON Schema of a resource, made from its own types.

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use crate::Resource;

/// `{"name", "source", "version", "get_params", "put_params"}`, each a self-contained JSON Schema (draft 2020-12).
pub fn schema<R: Resource>() -> Value {
    json!({
        "name": R::NAME,
        "source": schema_of::<R::Source>(),
        "version": schema_of::<R::Version>(),
        "get_params": schema_of::<R::GetParams>(),
        "put_params": schema_of::<R::PutParams>(),
    })
}

pub(crate) fn schema_of<T: JsonSchema>() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    SchemaGenerator::new(settings)
        .into_root_schema_for::<T>()
        .to_value()
}

/// Calls `found` with every value of `input` that the schema marks as secret (`writeOnly`).
pub(crate) fn for_each_secret(schema: &Value, input: &Value, found: &mut impl FnMut(&Value)) {
    if schema["writeOnly"] == true {
        found(input);
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        for part in schema[key].as_array().into_iter().flatten() {
            for_each_secret(part, input, found);
        }
    }
    match input {
        Value::Object(members) => {
            for (name, member) in members {
                let part = match &schema["properties"][name] {
                    Value::Null => &schema["additionalProperties"],
                    part => part,
                };
                for_each_secret(part, member, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                for_each_secret(&schema["items"], item, found);
            }
        }
        _ => {}
    }
}
