//! The page at `/` and the JavaScript client at `/client.js`, embedded in the binary.

/// A file of the page.
pub struct Asset {
    /// Where it is served.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// Its text.
    pub body: &'static str,
}

/// All files of the page.
pub const ASSETS: &[Asset] = &[
    Asset {
        path: "/",
        content_type: "text/html; charset=utf-8",
        body: include_str!("index.html"),
    },
    Asset {
        path: "/dashboard.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_str!("dashboard.js"),
    },
    Asset {
        path: "/dashboard.css",
        content_type: "text/css; charset=utf-8",
        body: include_str!("dashboard.css"),
    },
];

/// All files of the JavaScript client, which pages of other origins may load. The folder is an npm package as it is; a page
/// asks for `/client.js`.
pub const CLIENT: &[Asset] = &[
    script("/client.js", "export * from \"./client/tickwire.js\";\n"),
    script("/client/tickwire.js", include_str!("client/tickwire.js")),
    script("/client/clock.js", include_str!("client/clock.js")),
    script("/client/decimal.js", include_str!("client/decimal.js")),
    script("/client/fields.js", include_str!("client/fields.js")),
    script("/client/handover.js", include_str!("client/handover.js")),
    script("/client/instrument.js", include_str!("client/instrument.js")),
    script("/client/interests.js", include_str!("client/interests.js")),
    script("/client/json.js", include_str!("client/json.js")),
    script("/client/link.js", include_str!("client/link.js")),
    script("/client/msgpack.js", include_str!("client/msgpack.js")),
    script("/client/options.js", include_str!("client/options.js")),
    script("/client/pattern.js", include_str!("client/pattern.js")),
    script("/client/protobuf.js", include_str!("client/protobuf.js")),
    script("/client/retry.js", include_str!("client/retry.js")),
    script("/client/schema.js", include_str!("client/schema.js")),
    script("/client/session.js", include_str!("client/session.js")),
    script("/client/subscriber.js", include_str!("client/subscriber.js")),
    script("/client/subscription.js", include_str!("client/subscription.js")),
    script("/client/table.js", include_str!("client/table.js")),
    script("/client/view.js", include_str!("client/view.js")),
    script("/client/wire.js", include_str!("client/wire.js")),
];

const fn script(path: &'static str, body: &'static str) -> Asset {
    Asset {
        path,
        content_type: "text/javascript; charset=utf-8",
        body,
    }
}

/// Scripts and styles from here only, sockets to here only.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_module_of_the_client_is_served_under_its_name() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/dashboard/client");
        let names = std::fs::read_dir(folder).expect("the folder").map(|entry| {
            let name = entry.expect("an entry").file_name();
            format!("/client/{}", name.to_string_lossy())
        });
        let written: BTreeSet<String> = names.filter(|path| path.ends_with(".js")).collect();
        let served = CLIENT.iter().map(|asset| asset.path.to_owned());
        let served: BTreeSet<String> = served.filter(|path| path != "/client.js").collect();
        assert_eq!(written, served);
    }
}
