//! The pages at `/` and `/monitor` and the JavaScript client at `/client.js`, embedded in the binary.

/// A file that is served.
pub struct Asset {
    /// Where it is served.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// Its text.
    pub body: &'static str,
}

/// All files of the pages.
pub const ASSETS: &[Asset] = &[
    page("/", include_str!("index.html")),
    page("/monitor", include_str!("monitor.html")),
    script("/page/age.js", include_str!("page/age.js")),
    script("/page/axis.js", include_str!("page/axis.js")),
    script("/page/canvas.js", include_str!("page/canvas.js")),
    script("/page/chart.js", include_str!("page/chart.js")),
    script("/page/columns.js", include_str!("page/columns.js")),
    style("/page/dashboard.css", include_str!("page/dashboard.css")),
    script("/page/dashboard.js", include_str!("page/dashboard.js")),
    script("/page/decimals.js", include_str!("page/decimals.js")),
    script("/page/detail.js", include_str!("page/detail.js")),
    script("/page/drag.js", include_str!("page/drag.js")),
    script("/page/figures.js", include_str!("page/figures.js")),
    script("/page/flash.js", include_str!("page/flash.js")),
    script("/page/grid.js", include_str!("page/grid.js")),
    script("/page/heads.js", include_str!("page/heads.js")),
    picture("/page/icon.svg", include_str!("page/icon.svg")),
    script("/page/list.js", include_str!("page/list.js")),
    style("/page/look.css", include_str!("page/look.css")),
    style("/page/monitor.css", include_str!("page/monitor.css")),
    script("/page/monitor.js", include_str!("page/monitor.js")),
    script("/page/order.js", include_str!("page/order.js")),
    script("/page/palette.js", include_str!("page/palette.js")),
    script("/page/panels.js", include_str!("page/panels.js")),
    script("/page/patterns.js", include_str!("page/patterns.js")),
    script("/page/plot.js", include_str!("page/plot.js")),
    script("/page/reading.js", include_str!("page/reading.js")),
    script("/page/replay.js", include_str!("page/replay.js")),
    script("/page/row.js", include_str!("page/row.js")),
    script("/page/rows.js", include_str!("page/rows.js")),
    script("/page/search.js", include_str!("page/search.js")),
    script("/page/settings.js", include_str!("page/settings.js")),
    script("/page/signin.js", include_str!("page/signin.js")),
    script("/page/sorting.js", include_str!("page/sorting.js")),
    script("/page/sparkline.js", include_str!("page/sparkline.js")),
    script("/page/status.js", include_str!("page/status.js")),
    script("/page/storage.js", include_str!("page/storage.js")),
    script("/page/symbols.js", include_str!("page/symbols.js")),
    script("/page/theme.js", include_str!("page/theme.js")),
    script("/page/trace.js", include_str!("page/trace.js")),
    script("/page/wants.js", include_str!("page/wants.js")),
    script("/page/widths.js", include_str!("page/widths.js")),
    script("/page/words.js", include_str!("page/words.js")),
];

/// All files of the JavaScript client, which pages of other origins may load. The folder is an npm package as it is; a page
/// asks for `/client.js`.
pub const CLIENT: &[Asset] = &[
    script("/client.js", "export * from \"./client/tickwire.js\";\n"),
    script("/client/tickwire.js", include_str!("client/tickwire.js")),
    script("/client/answers.js", include_str!("client/answers.js")),
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
    script("/client/refusal.js", include_str!("client/refusal.js")),
    script("/client/retry.js", include_str!("client/retry.js")),
    script("/client/schema.js", include_str!("client/schema.js")),
    script("/client/session.js", include_str!("client/session.js")),
    script("/client/subscriber.js", include_str!("client/subscriber.js")),
    script("/client/subscription.js", include_str!("client/subscription.js")),
    script("/client/table.js", include_str!("client/table.js")),
    script("/client/view.js", include_str!("client/view.js")),
    script("/client/wire.js", include_str!("client/wire.js")),
];

const fn page(path: &'static str, body: &'static str) -> Asset {
    asset(path, "text/html; charset=utf-8", body)
}

const fn script(path: &'static str, body: &'static str) -> Asset {
    asset(path, "text/javascript; charset=utf-8", body)
}

const fn style(path: &'static str, body: &'static str) -> Asset {
    asset(path, "text/css; charset=utf-8", body)
}

const fn picture(path: &'static str, body: &'static str) -> Asset {
    asset(path, "image/svg+xml", body)
}

const fn asset(path: &'static str, content_type: &'static str, body: &'static str) -> Asset {
    Asset {
        path,
        content_type,
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
    fn every_file_of_the_pages_is_served_under_its_name() {
        assert_eq!(written("page"), served(ASSETS, "/page/"));
    }

    #[test]
    fn every_module_of_the_client_is_served_under_its_name() {
        let written = written("client").into_iter().filter(|path| path.ends_with(".js"));
        assert_eq!(written.collect::<BTreeSet<_>>(), served(CLIENT, "/client/"));
    }

    fn written(folder: &str) -> BTreeSet<String> {
        let path = format!("{}/src/dashboard/{folder}", env!("CARGO_MANIFEST_DIR"));
        let entries = std::fs::read_dir(path).expect("the folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names
            .map(|name| format!("/{folder}/{}", name.to_string_lossy()))
            .collect()
    }

    fn served(assets: &[Asset], folder: &str) -> BTreeSet<String> {
        let paths = assets.iter().map(|asset| asset.path.to_owned());
        paths.filter(|path| path.starts_with(folder)).collect()
    }
}
