//! The example file, made from the table of settings.

use super::settings::{SECTIONS, SETTINGS};
use super::table::{Kind, Setting};

/// A configuration file with every setting and what it means. Everything in it is commented out: it changes nothing.
pub(crate) fn example() -> String {
    let mut text = String::from(
        "# CodeCourier's configuration. Everything here is commented out and shows the default, or an example.\n\
         # The environment wins over this file, and the command line over both: server.listen is CODECOURIER_SERVER_LISTEN\n\
         # there, and `--set server.listen=…` here. Secrets are never written into this file: a file or a command has them.\n",
    );
    let mut section = "";
    for setting in SETTINGS {
        if setting.section() != section {
            section = setting.section();
            let about = SECTIONS.iter().find(|(name, _)| *name == section);
            text.push('\n');
            if let Some((_, about)) = about {
                text.push_str(&format!("# {about}\n"));
            }
            text.push_str(&format!("[{section}]\n"));
        } else {
            text.push('\n');
        }
        for line in setting.documentation {
            text.push_str(&format!("#{line}\n"));
        }
        text.push_str(&line(setting));
    }
    text
}

fn line(setting: &Setting) -> String {
    let Setting { form, text, .. } = setting;
    let key = setting.key();
    match setting.kind {
        Kind::Secret => format!("# {key}_file = \"{text}\"\n# {key}_command = \"…\"\n"),
        Kind::Value if text.is_empty() => format!("# A list, each {form}.\n# {key} = []\n"),
        Kind::Value | Kind::Optional => {
            let is_literal = text.parse::<f64>().is_ok() || text.starts_with('[');
            let value = if is_literal {
                (*text).to_owned()
            } else {
                format!("\"{text}\"")
            };
            let takes = if matches!(*form, "a text" | "a path" | "a whole number in its range") {
                String::new()
            } else {
                format!("# It takes {form}.\n")
            };
            format!("{takes}# {key} = {value}\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::file::ConfigFile;

    #[test]
    fn the_example_is_understood_as_it_is_and_with_every_line_in_use() {
        let text = example();
        ConfigFile::parse(Path::new("/example"), &text).unwrap();
        let in_use: String = text
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.contains(" = ") && rest.split(' ').next().is_some_and(|key| key.is_ascii()) => rest,
                _ => line,
            })
            // A secret is told in one way; the command of an agent is no secret.
            .filter(|line| !line.contains("_command = ") || line.starts_with("acp_command = "))
            .map(|line| format!("{line}\n"))
            .collect();
        let file = ConfigFile::parse(Path::new("/example"), &in_use).unwrap();
        for setting in SETTINGS {
            let named = crate::config::file::names_of(setting)
                .iter()
                .any(|name| file.get(name).is_some());
            assert!(named, "{} is missing", setting.name);
        }
    }

    #[test]
    fn every_table_is_introduced() {
        for setting in SETTINGS {
            let section = setting.section();
            assert!(
                section.is_empty() || SECTIONS.iter().any(|(name, _)| *name == section),
                "{section}"
            );
        }
    }
}
