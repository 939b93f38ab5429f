//! The functions of the store, read from its sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use syn::visit::Visit;

/// The public functions of the transaction and of the reader, and the names of all types that each one takes, with the
/// types of their fields.
pub(crate) fn functions() -> BTreeMap<String, BTreeSet<String>> {
    let mut sources = Sources::default();
    sources.read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let Sources { functions, fields } = sources;
    let with_fields = |takes: BTreeSet<String>| {
        let mut all = takes.clone();
        let mut rest: Vec<String> = takes.into_iter().collect();
        while let Some(name) = rest.pop() {
            for field in fields.get(&name).into_iter().flatten() {
                if all.insert(field.clone()) {
                    rest.push(field.clone());
                }
            }
        }
        all
    };
    functions
        .into_iter()
        .map(|(name, takes)| (name, with_fields(takes)))
        .collect()
}

#[derive(Default)]
struct Sources {
    functions: BTreeMap<String, BTreeSet<String>>,
    fields: BTreeMap<String, BTreeSet<String>>,
}

impl Sources {
    fn read(&mut self, directory: &Path) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.read(&path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let file = syn::parse_file(&std::fs::read_to_string(&path).unwrap()).unwrap();
                for item in &file.items {
                    self.item(item);
                }
            }
        }
    }

    fn item(&mut self, item: &syn::Item) {
        match item {
            syn::Item::Struct(item) => {
                let fields = names(|names| names.visit_fields(&item.fields));
                self.fields.insert(item.ident.to_string(), fields);
            }
            syn::Item::Impl(item) if item.trait_.is_none() => {
                let of = names(|names| names.visit_type(&item.self_ty));
                let of = ["Tx", "Reader"].into_iter().find(|name| of.contains(*name));
                let Some(of) = of else { return };
                for function in &item.items {
                    if let syn::ImplItem::Fn(function) = function {
                        self.function(of, function);
                    }
                }
            }
            _ => {}
        }
    }

    fn function(&mut self, of: &str, function: &syn::ImplItemFn) {
        if function.sig.asyncness.is_none() || !matches!(function.vis, syn::Visibility::Public(_)) {
            return;
        }
        let takes = names(|names| {
            for input in &function.sig.inputs {
                names.visit_fn_arg(input);
            }
        });
        self.functions.insert(format!("{of}::{}", function.sig.ident), takes);
    }
}

/// The names in some types.
#[derive(Default)]
struct Names(BTreeSet<String>);

fn names(visit: impl FnOnce(&mut Names)) -> BTreeSet<String> {
    let mut names = Names::default();
    visit(&mut names);
    names.0
}

impl Visit<'_> for Names {
    fn visit_path_segment(&mut self, segment: &syn::PathSegment) {
        self.0.insert(segment.ident.to_string());
        syn::visit::visit_path_segment(self, segment);
    }
}
