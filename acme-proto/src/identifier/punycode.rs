//! Punycode (RFC 3492), as far as needed to recognize a well-formed `xn--` label.

/// Returns whether `encoded` (ASCII, without `xn--`) decodes to a text with a non-ASCII character.
///
/// Whether IDNA allows the characters is not checked, because that needs large tables. The server
/// checks it.
pub(super) fn is_well_formed(encoded: &str) -> bool {
    decoded_length(encoded.as_bytes()).is_some()
}

/// Runs the decoder without storing the text (RFC 3492 Section 6.2), and returns its length.
fn decoded_length(encoded: &[u8]) -> Option<u32> {
    // The characters before the last hyphen are literal. Without any, the hyphen is not a
    // delimiter, and as it is not a digit either, the label is malformed.
    let (mut length, mut rest) = match encoded.iter().rposition(|&c| c == b'-') {
        Some(at @ 1..) => (u32::try_from(at).ok()?, encoded.get(at + 1..)?),
        _ => (0, encoded),
    };
    if rest.is_empty() {
        return None;
    }
    let (mut code, mut index, mut bias) = (INITIAL_CODE, 0_u32, INITIAL_BIAS);
    while !rest.is_empty() {
        let delta;
        (delta, rest) = variable_length_integer(rest, bias)?;
        // Each integer inserts one character. Section 6.4 requires overflow to be detected.
        length = length.checked_add(1)?;
        bias = adapted_bias(delta, length, index == 0);
        index = index.checked_add(delta)?;
        code = code.checked_add(index / length)?;
        // A surrogate, or a number beyond U+10FFFF.
        char::from_u32(code)?;
        index = index % length + 1;
    }
    Some(length)
}

/// Parses one variable-length integer (RFC 3492 Section 3.3), and returns it with the rest of the
/// text.
fn variable_length_integer(mut text: &[u8], bias: u32) -> Option<(u32, &[u8])> {
    let (mut value, mut weight, mut position) = (0_u32, 1_u32, BASE);
    loop {
        let (&first, rest) = text.split_first()?;
        text = rest;
        let digit = digit_value(first)?;
        value = value.checked_add(digit.checked_mul(weight)?)?;
        let threshold = position.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if digit < threshold {
            return Some((value, text));
        }
        weight = weight.checked_mul(BASE - threshold)?;
        position += BASE;
    }
}

/// Adapts the bias (RFC 3492 Section 6.1). `length` includes the inserted character, and so is at
/// least 1.
fn adapted_bias(delta: u32, length: u32, first: bool) -> u32 {
    let mut delta = delta / if first { DAMP } else { 2 };
    delta = delta.saturating_add(delta / length);
    let mut position = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        position += BASE;
    }
    position + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

fn digit_value(digit: u8) -> Option<u32> {
    match digit {
        b'a'..=b'z' => Some(u32::from(digit - b'a')),
        b'A'..=b'Z' => Some(u32::from(digit - b'A')),
        b'0'..=b'9' => Some(u32::from(digit - b'0') + 26),
        _ => None,
    }
}

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const INITIAL_BIAS: u32 = 72;
const INITIAL_CODE: u32 = 128;

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn labels_in_use_are_well_formed() {
        for (encoded, length) in [
            ("bcher-kva", 6),
            ("BCHER-KVA", 6),
            ("mnchen-3ya", 7),
            ("fsqu00a", 2),
            ("p1ai", 2),
            ("wgbh1c", 3),
            ("kgbechtv", 6),
            ("hgbk6aj7f53bba", 7),
            ("80akhbyknj4f", 9),
            ("11b5bs3a9aj6g", 7),
            ("i-7iq", 2),
            ("ls8h", 1),
        ] {
            assert_eq!(decoded_length(encoded.as_bytes()), Some(length), "{encoded}");
        }
    }

    #[test]
    fn the_samples_of_rfc_3492_are_well_formed() {
        for (encoded, length) in [
            ("egbpdaj6bu4bxfgehfvwxn", 17),
            ("ihqwcrb4cv8a8dqg056pqjye", 9),
            ("Proprostnemluvesky-uyb24dma41a", 22),
            ("4dbcagdahymbxekheh6e0a7fei0b", 22),
            ("3B-ww4c5e180e575a65lsy2b", 8),
            ("2-u9tlzr9756bt3uc0v", 8),
            ("d9juau41awczczp", 7),
        ] {
            assert_eq!(decoded_length(encoded.as_bytes()), Some(length), "{encoded}");
        }
    }

    #[test]
    fn malformed_labels_are_told() {
        for encoded in ["", "abc-", "0", "-kva", "b_-kva9", "999999999", "zzzzzzzzzzzzzzz", "a-b-"]
        {
            // covers 8555-7.1.4-2
            assert!(!is_well_formed(encoded), "{encoded}");
        }
    }

    #[test]
    fn no_label_of_letters_and_digits_overflows() {
        let mut seed = 1_u32;
        for length in 0..2000 {
            let label: std::string::String = (0..length % 60)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    char::from(b"abcxyzABZ0189-"[(seed >> 16) as usize % 14])
                })
                .collect();
            let _ = is_well_formed(&label);
        }
    }
}
