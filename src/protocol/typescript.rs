//! Declarations as TypeScript: constants, offsets, and functions that read a record.

use super::{EnumMember, FieldKind, FieldPart, Part};

/// The size of a cell of shared memory, in bytes.
const CELL: usize = size_of::<f64>();
/// The size of a word of it.
const WORD: usize = size_of::<u32>();

/// Returns the text of a file: what it is about, and the declarations.
pub(crate) fn file<'a>(doc: &str, parts: impl Iterator<Item = &'a Part>) -> String {
    let mut text = vec![comment("", doc)];
    for part in parts {
        text.push("\n".to_owned());
        match part {
            Part::Constant { name, doc, value } => {
                text.push(comment("", doc));
                constant(&mut text, name, *value);
            }
            Part::Enum { name, doc, prefix, members, texts } => {
                text.push(comment("", doc));
                enumeration(&mut text, name, prefix, members, *texts);
            }
            Part::Record { name, doc, base, bytes, fields, reader } => {
                let name = name.strip_suffix("Cells").unwrap_or(name);
                text.push(comment("", doc));
                record(&mut text, name, *base, *bytes, fields);
                if *reader {
                    self::reader(&mut text, name, doc, *base, fields);
                }
            }
        }
    }
    text.concat()
}

fn constant(text: &mut Vec<String>, name: &str, value: f64) {
    text.push(format!("export const {name} = {value}\n"));
}

fn enumeration(
    text: &mut Vec<String>,
    name: &str,
    prefix: &str,
    members: &[EnumMember],
    texts: Option<&str>,
) {
    let name_of = |member: &EnumMember| {
        let own = || format!("{prefix}{}", screaming(member.variant));
        member.constant.map_or_else(own, str::to_owned)
    };
    let codes: Vec<_> =
        members.iter().map(|member| format!("\n  | typeof {}", name_of(member))).collect();
    text.push(format!("export type {name} ={}\n", codes.concat()));
    for member in members {
        text.push(comment("", member.doc));
        constant(text, &name_of(member), f64::from(member.code));
    }
    if let Some(list) = texts {
        let all: Vec<_> = members.iter().map(|member| text_at(members, member)).collect();
        text.push(
            "/** The words of the public interface; the index is the number. */\n".to_owned(),
        );
        text.push(format!("export const {list} = [{}] as const\n", all.join(", ")));
    }
}

/// Returns the text of a member. Texts are found by their index, so numbers begin at zero and leave none out.
fn text_at(members: &[EnumMember], member: &EnumMember) -> String {
    let expected = members.iter().position(|other| other.code == member.code);
    assert_eq!(expected, Some(member.code as usize), "texts are by number");
    format!("'{}'", member.text.expect("each member of an enum with texts has one"))
}

fn record(text: &mut Vec<String>, name: &str, base: usize, bytes: usize, fields: &[FieldPart]) {
    let prefix = screaming(name);
    let cells = bytes / CELL;
    text.push(format!("export const {prefix}_CELLS = {cells}\n"));
    if fields.iter().any(|field| field.kind == FieldKind::Word) {
        text.push("/** The same in 32-bit words. */\n".to_owned());
        text.push(format!("export const {prefix}_WORDS = {}\n", bytes / WORD));
    }
    for field in fields {
        let unit = if field.kind == FieldKind::Word { " In words." } else { "" };
        text.push(comment("", &format!("{}{unit}", field.doc.trim_end())));
        text.push(format!("export const {} = {}\n", offset_name(name, field), place(base, field)));
    }
}

fn reader(text: &mut Vec<String>, name: &str, doc: &str, base: usize, fields: &[FieldPart]) {
    text.push(comment("", doc));
    text.push(format!("export interface {name} {{\n"));
    for field in fields {
        text.push(comment("  ", field.doc));
        let kind = match field.kind {
            FieldKind::Number | FieldKind::Word => "number",
            FieldKind::Known => "number | undefined",
            FieldKind::Flag => "boolean",
        };
        text.push(format!("  readonly {}: {kind}\n", camel(field.name)));
    }
    text.push(format!("}}\n/** Reads what the core has just written. */\nexport function read{name}(cells: Float64Array): {name} {{\n"));
    for field in fields.iter().filter(|field| field.kind == FieldKind::Known) {
        text.push(format!(
            "  const {} = cells[{}] as number\n",
            camel(field.name),
            place(base, field)
        ));
    }
    text.push("  return {\n".to_owned());
    for field in fields {
        let (own, at) = (camel(field.name), place(base, field));
        let value = match field.kind {
            FieldKind::Number => format!("cells[{at}] as number"),
            FieldKind::Word => panic!("{name}.{} is a word, which no reader sees", field.name),
            FieldKind::Known => format!("Number.isNaN({own}) ? undefined : {own}"),
            FieldKind::Flag => format!("cells[{at}] === 1"),
        };
        text.push(format!("    {own}: {value},\n"));
    }
    text.push("  }\n}\n".to_owned());
}

fn offset_name(record: &str, field: &FieldPart) -> String {
    format!("{}_{}", screaming(record), field.name.to_uppercase())
}

/// Returns the index of a field: in cells, or for a word in words.
fn place(base: usize, field: &FieldPart) -> usize {
    let unit = if field.kind == FieldKind::Word { WORD } else { CELL };
    (base * CELL + field.offset) / unit
}

/// Turns `TimedOut` into `TIMED_OUT`.
fn screaming(name: &str) -> String {
    let mut result = String::new();
    for (index, letter) in name.char_indices() {
        if index > 0 && letter.is_uppercase() {
            result.push('_');
        }
        result.extend(letter.to_uppercase());
    }
    result
}

/// Turns `in_flight` into `inFlight`.
fn camel(name: &str) -> String {
    let mut upper = false;
    let mut result = String::new();
    for letter in name.chars() {
        if letter == '_' {
            upper = true;
        } else if upper {
            result.extend(letter.to_uppercase());
            upper = false;
        } else {
            result.push(letter);
        }
    }
    result
}

/// Returns a doc comment, on one line where it fits.
fn comment(indent: &str, doc: &str) -> String {
    const WIDTH: usize = 120;
    let words: Vec<_> = doc.split_whitespace().collect();
    if words.is_empty() {
        return String::new();
    }
    let whole = format!("{indent}/** {} */\n", words.join(" "));
    if whole.chars().count() <= WIDTH + 1 {
        return whole;
    }
    let mut lines = format!("{indent}/**\n");
    let mut line = format!("{indent} *");
    for word in words {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line = format!("{indent} *");
        }
        line.push(' ');
        line.push_str(word);
    }
    format!("{lines}{line}\n{indent} */\n")
}
