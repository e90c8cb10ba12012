//! The forms of a plan: text, and the structured ones, which are the same properties in three notations.

use super::{How, PlanNode};
use std::fmt::Write;
use std::time::Duration;

/// Output format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON array.
    Json,
    /// One YAML sequence.
    Yaml,
    /// One XML document.
    Xml,
}

/// What is said of the whole statement.
#[derive(Clone, Copy, Default)]
pub struct Summary {
    /// The statement's id.
    pub query_id: Option<i64>,
    /// Time to plan it.
    pub planning: Option<Duration>,
    /// Time to run it.
    pub execution: Option<Duration>,
}

/// A plan's rows of text: lines of text, or one row with the whole.
pub fn show(plan: &PlanNode, format: Format, costs: bool, summary: Summary) -> Vec<String> {
    if format == Format::Text {
        let mut out = Vec::new();
        lines(plan, 0, costs, &mut out);
        let ms = |d: Duration| d.as_secs_f64() * 1000.0;
        out.extend(summary.query_id.map(|q| format!("Query Identifier: {q}")));
        out.extend(summary.planning.map(|d| format!("Planning Time: {:.3} ms", ms(d))));
        out.extend(summary.execution.map(|d| format!("Execution Time: {:.3} ms", ms(d))));
        return out;
    }
    let mut top = vec![("Plan", Value::Map(properties(plan, None, costs)))];
    let ms = |d: Duration| Value::Bare(format!("{:.3}", d.as_secs_f64() * 1000.0));
    top.extend(summary.query_id.map(|q| ("Query Identifier", Value::Bare(q.to_string()))));
    top.extend(summary.planning.map(|d| ("Planning Time", ms(d))));
    top.extend(summary.execution.map(|d| ("Execution Time", ms(d))));
    let mut out = String::new();
    match format {
        Format::Json => json(&Value::List(vec![Value::Map(top)]), 0, &mut out),
        Format::Yaml => yaml(&Value::List(vec![Value::Map(top)]), 0, &mut out),
        _ => {
            out.push_str("<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n");
            xml("Query", &Value::Map(top), 1, &mut out);
            out.push_str("</explain>");
        }
    }
    vec![out]
}

fn lines(p: &PlanNode, indent: usize, costs: bool, out: &mut Vec<String>) {
    let mut indent = indent;
    if let Some(t) = &p.title {
        out.push(format!("{}{t}", " ".repeat(indent)));
        indent += 2;
    }
    let arrow = if indent == 0 { "" } else { "->  " };
    let mut head = format!("{}{arrow}{}", " ".repeat(indent), p.head());
    let e = &p.estimate;
    if costs {
        _ = write!(head, "  (cost={:.2}..{:.2} rows={} width={})", e.startup, e.total, e.rows.ceil().max(1.0), e.width);
    }
    if let Some(n) = p.actual {
        _ = write!(head, " (actual rows={n} loops=1)");
    }
    out.push(head);
    let inner = indent + arrow.len() + 2;
    for (k, v) in &p.how {
        let v = match v {
            How::One(s) => s.clone(),
            How::List(v) => v.join(", "),
        };
        out.push(format!("{}{k}: {v}", " ".repeat(inner)));
    }
    p.children.iter().for_each(|c| lines(c, inner, costs, out));
}

enum Value {
    Text(String),
    /// A number or truth value.
    Bare(String),
    List(Vec<Value>),
    Map(Vec<(&'static str, Value)>),
}

fn properties(p: &PlanNode, place: Option<&'static str>, costs: bool) -> Vec<(&'static str, Value)> {
    let bare = |s: &str| Value::Bare(s.to_owned());
    let mut out = vec![("Node Type", Value::Text(p.kind.to_owned()))];
    if let Some(t) = &p.title {
        let place = if t.starts_with("SubPlan") { "SubPlan" } else { "InitPlan" };
        out.push(("Parent Relationship", Value::Text(place.to_owned())));
        out.push(("Subplan Name", Value::Text(t.clone())));
    } else if let Some(place) = place {
        out.push(("Parent Relationship", Value::Text(place.to_owned())));
    }
    out.push(("Parallel Aware", bare("false")));
    out.push(("Async Capable", bare("false")));
    // What stands in the first line of text in short is a word of its own here.
    out.extend(p.what.iter().map(|(k, v)| {
        (
            *k,
            Value::Text(if *k == "Operation" { v.split(' ').next().unwrap_or_default().to_owned() } else { v.clone() }),
        )
    }));
    if costs {
        out.push(("Startup Cost", Value::Bare(format!("{:.2}", p.estimate.startup))));
        out.push(("Total Cost", Value::Bare(format!("{:.2}", p.estimate.total))));
        out.push(("Plan Rows", Value::Bare(format!("{:.0}", p.estimate.rows.ceil().max(1.0)))));
        out.push(("Plan Width", Value::Bare(p.estimate.width.to_string())));
    }
    if let Some(n) = p.actual {
        out.push(("Actual Rows", Value::Bare(n.to_string())));
        out.push(("Actual Loops", bare("1")));
    }
    out.extend(p.how.iter().map(|(k, v)| {
        let v = match v {
            How::One(s) => Value::Text(s.clone()),
            How::List(v) => Value::List(v.iter().cloned().map(Value::Text).collect()),
        };
        (*k, v)
    }));
    if !p.children.is_empty() {
        let members = matches!(p.kind, "Append" | "SetOp");
        let mut inputs = 0;
        let plans = p.children.iter().map(|c| {
            inputs += usize::from(c.title.is_none());
            let place = match inputs {
                _ if members => "Member",
                0 | 1 => "Outer",
                _ => "Inner",
            };
            Value::Map(properties(c, Some(place), costs))
        });
        out.push(("Plans", Value::List(plans.collect())));
    }
    out
}

fn quoted(s: &str, out: &mut String) {
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => _ = write!(out, "\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn json(v: &Value, indent: usize, out: &mut String) {
    let pad = |n: usize, out: &mut String| out.extend(std::iter::repeat_n(' ', n));
    match v {
        Value::Text(s) => quoted(s, out),
        Value::Bare(s) => out.push_str(s),
        // Lists of texts stay on their line.
        Value::List(v) if v.iter().all(|x| matches!(x, Value::Text(_))) => {
            out.push('[');
            for (i, x) in v.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                json(x, indent, out);
            }
            out.push(']');
        }
        Value::List(v) => {
            out.push_str("[\n");
            for (i, x) in v.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ",\n" });
                pad(indent + 2, out);
                json(x, indent + 2, out);
            }
            out.push('\n');
            pad(indent, out);
            out.push(']');
        }
        Value::Map(v) => {
            out.push_str("{\n");
            for (i, (k, x)) in v.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ",\n" });
                pad(indent + 2, out);
                quoted(k, out);
                out.push_str(": ");
                json(x, indent + 2, out);
            }
            out.push('\n');
            pad(indent, out);
            out.push('}');
        }
    }
}

/// Writes a value behind what is on the line; `indent` is that of the lines that follow.
fn yaml(v: &Value, indent: usize, out: &mut String) {
    let line = |out: &mut String| {
        if !out.is_empty() {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
        }
    };
    match v {
        Value::Text(s) => quoted(s, out),
        Value::Bare(s) => out.push_str(s),
        Value::List(v) => {
            for x in v {
                line(out);
                out.push_str("- ");
                yaml(x, indent + 2, out);
            }
        }
        Value::Map(v) => {
            for (i, (k, x)) in v.iter().enumerate() {
                if i > 0 {
                    line(out);
                }
                _ = write!(out, "{k}: ");
                match x {
                    Value::Map(_) => {
                        out.push('\n');
                        out.extend(std::iter::repeat_n(' ', indent + 2));
                        yaml(x, indent + 2, out);
                    }
                    _ => yaml(x, indent + 2, out),
                }
            }
        }
    }
}

fn xml(name: &str, v: &Value, depth: usize, out: &mut String) {
    let pad = "  ".repeat(depth);
    let tag = name.replace(' ', "-");
    match v {
        Value::Text(s) | Value::Bare(s) => {
            let s = s.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
            _ = writeln!(out, "{pad}<{tag}>{s}</{tag}>");
        }
        Value::List(v) => {
            _ = writeln!(out, "{pad}<{tag}>");
            let item = if name == "Plans" { "Plan" } else { "Item" };
            v.iter().for_each(|x| xml(item, x, depth + 1, out));
            _ = writeln!(out, "{pad}</{tag}>");
        }
        Value::Map(v) => {
            _ = writeln!(out, "{pad}<{tag}>");
            v.iter().for_each(|(k, x)| xml(k, x, depth + 1, out));
            _ = writeln!(out, "{pad}</{tag}>");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::explain::Estimate;

    fn plan() -> PlanNode {
        let estimate = Estimate { startup: 0.0, total: 1.5, rows: 2.2, width: 4 };
        let scan = PlanNode::new("Seq Scan", estimate, vec![])
            .on("Relation Name", "t")
            .on("Alias", "\"a b\"")
            .by("Filter", How::One("(x > '<\"'::text)".into()));
        let sub = PlanNode::new("Result", estimate, vec![]).titled("SubPlan 1".into());
        let mut sort = PlanNode::new("Sort", estimate, vec![scan, sub])
            .by("Sort Key", How::List(vec!["x".into(), "y DESC".into()]));
        sort.actual = Some(3);
        sort
    }

    #[test]
    fn the_same_properties_in_four_notations() {
        let time = Some(Duration::from_micros(1500));
        let one = |f| show(&plan(), f, false, Summary { planning: time, ..Summary::default() }).join("\n");
        assert_eq!(
            one(Format::Text),
            "Sort (actual rows=3 loops=1)\n  Sort Key: x, y DESC\n  ->  Seq Scan on t \"a b\"\n        \
             Filter: (x > '<\"'::text)\n  SubPlan 1\n    ->  Result\nPlanning Time: 1.500 ms"
        );
        assert!(one(Format::Json).contains("\"Filter\": \"(x > '<\\\"'::text)\""));
        assert!(one(Format::Json).contains("\"Sort Key\": [\"x\", \"y DESC\"]"));
        assert!(one(Format::Yaml).starts_with("- Plan: \n    Node Type: \"Sort\""));
        assert!(one(Format::Yaml).contains("\n        Parent Relationship: \"SubPlan\""));
        assert!(one(Format::Xml).contains("<Filter>(x &gt; '&lt;&quot;'::text)</Filter>"));
        assert_eq!(
            show(&plan(), Format::Text, true, Summary::default())[0],
            "Sort  (cost=0.00..1.50 rows=3 width=4) (actual rows=3 loops=1)"
        );
    }
}
