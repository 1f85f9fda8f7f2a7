//! The description of every path over HTTP (OpenAPI 3.1), kept true by tests.

/// The document at `/v1/openapi.json`.
pub(in crate::server) const DOCUMENT: &str = include_str!("openapi.json");

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::*;
    use crate::server::routes;

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).expect("JSON")
    }

    #[test]
    fn every_route_is_described_with_its_methods_and_nothing_else_is() {
        let document = document();
        let paths = document["paths"].as_object().expect("paths");
        let methods = |item: &Value| -> BTreeSet<String> {
            let said = item
                .as_object()
                .expect("an object")
                .keys()
                .map(|key| key.to_uppercase());
            said.collect()
        };
        let described: BTreeMap<_, _> = paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect();
        // HEAD goes wherever GET does, as the document says.
        let allowed = |allow: &str| allow.split(", ").filter(|m| *m != "HEAD").map(str::to_owned).collect();
        let served: BTreeMap<String, BTreeSet<String>> = routes::methods()
            .into_iter()
            .map(|(path, allow)| (path.to_owned(), allowed(allow)))
            .collect();
        assert_eq!(described, served);
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_component_is_used() {
        fn walk<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
            match value {
                Value::Object(map) => map.iter().for_each(|(key, value)| match value {
                    Value::String(text) if key == "$ref" => drop(found.insert(text)),
                    other => walk(other, found),
                }),
                Value::Array(list) => list.iter().for_each(|value| walk(value, found)),
                _ => {}
            }
        }
        let document = document();
        let mut used = BTreeSet::new();
        walk(&document, &mut used);
        // Schemes are referred to by their name alone.
        let schemes = document["security"].as_array().expect("a list").iter();
        let schemes = schemes.flat_map(|scheme| scheme.as_object().expect("an object").keys());
        let schemes: Vec<String> = schemes
            .map(|name| format!("#/components/securitySchemes/{name}"))
            .collect();
        used.extend(schemes.iter().map(String::as_str));
        let components = document["components"].as_object().expect("components");
        let names = components.iter().flat_map(|(kind, all)| {
            let all = all.as_object().expect("an object");
            all.keys().map(move |name| format!("#/components/{kind}/{name}"))
        });
        let names: BTreeSet<String> = names.collect();
        assert_eq!(names, used.into_iter().map(str::to_owned).collect());
    }

    #[test]
    fn each_operation_has_a_name_of_its_own() {
        let document = document();
        let items = document["paths"].as_object().expect("paths").values();
        let operations: Vec<&Value> = items
            .flat_map(|item| item.as_object().expect("an object").values())
            .collect();
        let names: BTreeSet<&str> = operations.iter().filter_map(|o| o["operationId"].as_str()).collect();
        assert_eq!(names.len(), operations.len());
    }
}
