//! What the house rules need of a `Cargo.toml`.
//!
//! Not a TOML parser: it reads section heads and `name = …` lines, which is how our manifests are written.

/// A crate's manifest.
#[derive(Default)]
pub struct Manifest {
    /// Path from the root.
    pub path: String,
    /// The crate's folder; empty for the root package.
    pub folder: String,
    /// Names under `[dependencies]` and `[build-dependencies]`: what ships.
    pub dependencies: Vec<String>,
    /// Names under `[dev-dependencies]`.
    pub dev_dependencies: Vec<String>,
    /// Names that do not say `workspace = true`.
    pub own_versions: Vec<String>,
    /// `[lints] workspace = true`.
    pub workspace_lints: bool,
}

impl Manifest {
    /// Reads the manifest at `path` with the content `text`.
    pub fn parse(path: String, folder: String, text: &str) -> Self {
        let mut manifest = Self {
            path,
            folder,
            ..Self::default()
        };
        let mut section = String::new();
        for line in text.lines().map(str::trim) {
            if let Some(head) = line.strip_prefix('[') {
                section = head.trim_end_matches(']').to_owned();
                continue;
            }
            let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
                continue;
            };
            manifest.read_entry(&section, key.trim(), value.trim());
        }
        manifest
    }

    fn read_entry(&mut self, section: &str, key: &str, value: &str) {
        if section == "lints" {
            self.workspace_lints |= key == "workspace" && value == "true";
            return;
        }
        // `[target.'cfg(…)'.dependencies]` counts as `[dependencies]`, `[workspace.dependencies]` is where all start.
        let kind = section.rsplit('.').next().unwrap_or(section);
        if section == "workspace.dependencies" || !kind.ends_with("dependencies") {
            return;
        }
        let name = key.split('.').next().unwrap_or(key).to_owned();
        let shared = key.ends_with(".workspace") || value.contains("workspace = true");
        if !shared {
            self.own_versions.push(name.clone());
        }
        let names = if kind == "dev-dependencies" {
            &mut self.dev_dependencies
        } else {
            &mut self.dependencies
        };
        names.push(name);
    }

    /// Every name this crate depends on, for shipping or for tests.
    pub fn all_dependencies(&self) -> impl Iterator<Item = &String> {
        self.dependencies.iter().chain(&self.dev_dependencies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_by_section_and_own_versions_stand_out() {
        let text = "[package]\nname = \"x\"\n[dependencies]\n# a = 1\na.workspace = true\n\
                    b = { workspace = true, features = [\"f\"] }\n[target.'cfg(unix)'.dependencies]\nc = \"1\"\n\
                    [dev-dependencies]\nd = { path = \"../d\" }\n[lints]\nworkspace = true\n";
        let manifest = Manifest::parse("x/Cargo.toml".into(), "x".into(), text);
        assert_eq!(manifest.dependencies, ["a", "b", "c"]);
        assert_eq!(manifest.dev_dependencies, ["d"]);
        assert_eq!(manifest.own_versions, ["c", "d"]);
        assert!(manifest.workspace_lints);
    }
}
