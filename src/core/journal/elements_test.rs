//! The splitter against texts that were put together from their elements.

use proptest::prelude::*;

use super::elements;

fn elements(text: &str) -> Option<(Vec<&str>, &str)> {
    let mut found = Vec::new();
    let rest = elements::elements(text, &mut found)?;
    Some((found, rest))
}

/// Returns any JSON text, as `JSON.stringify` writes it.
fn json() -> impl Strategy<Value = String> {
    let scalar = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i32>().prop_map(|number| number.to_string()),
        Just("-1.5e-7".to_owned()),
        string(),
    ];
    scalar.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((string(), inner), 0..6).prop_map(|pairs| {
                let pairs: Vec<_> =
                    pairs.iter().map(|(key, value)| format!("{key}:{value}")).collect();
                format!("{{{}}}", pairs.join(","))
            }),
        ]
    })
}

/// Strings in which everything that could mislead is frequent, at every distance from the next eight bytes.
fn string() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-z!#]{0,9}".prop_map(String::from),
        1 => "[a-z!#]{20,90}".prop_map(String::from),
        1 => Just("\\\"".to_owned()),
        1 => Just("\\\\".to_owned()),
        1 => Just("\\u0001".to_owned()),
        1 => Just("\\ud800".to_owned()),
        1 => "[\\[\\]{},:\u{e9}\u{20ac}\u{1f980}]".prop_map(String::from),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

proptest! {
    #[test]
    fn an_array_falls_apart_into_what_it_was_made_of(
        items in prop::collection::vec(json(), 0..12),
        rest in prop_oneof![Just(""), Just("\u{1}id\0key"), Just("]"), Just("\"")],
    ) {
        let text = format!("[{}]{rest}", items.join(","));
        let expected: Vec<_> = items.iter().map(String::as_str).collect();
        prop_assert_eq!(elements(&text), Some((expected, rest)));
    }

    #[test]
    fn an_array_that_is_cut_short_is_none(items in prop::collection::vec(json(), 1..6), cut in any::<prop::sample::Index>()) {
        let text = format!("[{}]", items.join(","));
        let end = text.floor_char_boundary(cut.index(text.len()));
        prop_assert_eq!(elements(&text[..end]), None);
    }

    #[test]
    fn nonsense_does_no_harm(text in "[\\[\\]{},\"\\\\a\u{e9}]{0,40}") {
        if let Some((found, rest)) = elements(&text) {
            prop_assert_eq!(format!("[{}]{rest}", found.join(",")), text);
        }
    }
}

#[test]
fn a_byte_that_looks_like_a_quote_ends_no_string() {
    // Each differs from a quote or a backslash in the lowest bit, and stands right after an escaped one.
    let text = r##"["\"#\\]\"#,aaaaaaaa\\",2]"##;
    assert_eq!(elements(text), Some((vec![r##""\"#\\]\"#,aaaaaaaa\\""##, "2"], "")));
}

#[test]
fn what_is_no_array_is_none() {
    for text in ["", "{}", "1", "[", "[1", "[1,]", "[,1]", "[1}", "[[1]", "[\"]", "[\"\\\"]", "[}]"]
    {
        assert_eq!(elements(text), None, "{text}");
    }
    assert_eq!(elements("[]"), Some((vec![], "")));
}
