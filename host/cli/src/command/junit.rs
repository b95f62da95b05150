//! Reports of cases in the form that build servers read.

use std::path::Path;

use cleargate::{Error, Kind};

use super::Context;
use crate::failure::Failure;

/// One case.
pub struct Case<'a> {
    /// The file that it is in.
    pub file: &'a str,
    /// Its name.
    pub name: &'a str,
    /// What it used.
    pub properties: Vec<(&'static str, u64)>,
    /// What was not as expected; none when it passed.
    pub differences: &'a [String],
}

/// Writes the report into a file, relative to the folder of the command.
pub fn write(
    context: &Context<'_>,
    file: &Path,
    suite: &str,
    cases: Vec<Case<'_>>,
) -> Result<(), Failure> {
    let path = context.environment.folder.join(file);
    std::fs::write(path, text(suite, &cases)).map_err(|e| {
        let why = format!("{} cannot be written", file.display());
        Error::new(Kind::Invalid, why).caused_by(&e).into()
    })
}

fn text(suite: &str, cases: &[Case<'_>]) -> String {
    let failed = cases.iter().filter(|case| !case.differences.is_empty()).count();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  \
         <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\">\n",
        xml(suite),
        cases.len()
    );
    for case in cases {
        out.push_str(&format!(
            "    <testcase classname=\"{}\" name=\"{}\">\n      <properties>\n",
            xml(case.file),
            xml(case.name)
        ));
        for (name, value) in &case.properties {
            out.push_str(&format!("        <property name=\"{name}\" value=\"{value}\"/>\n"));
        }
        out.push_str("      </properties>\n");
        if let Some(first) = case.differences.first() {
            let all = xml(&case.differences.join("\n"));
            out.push_str(&format!("      <failure message=\"{}\">{all}</failure>\n", xml(first)));
        }
        out.push_str("    </testcase>\n");
    }
    out + "  </testsuite>\n</testsuites>\n"
}

/// Text in XML. Characters that it cannot hold are shown as what stands for them everywhere.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push('\t'),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_plugins_stays_text_in_xml() {
        let differences = ["got \u{1b}[31m\nand ]]>".to_owned()];
        let properties = vec![("fuel", 7)];
        let case = Case { file: "a", name: "<b> & \"c\"", properties, differences: &differences };
        let text = text("my:x", &[case]);
        assert!(text.contains("classname=\"a\" name=\"&lt;b&gt; &amp; &quot;c&quot;\""), "{text}");
        assert!(text.contains("message=\"got \u{fffd}[31m&#10;and ]]&gt;\""), "{text}");
        assert!(text.contains("tests=\"1\" failures=\"1\""), "{text}");
        assert!(text.contains("<property name=\"fuel\" value=\"7\"/>"), "{text}");
    }
}
