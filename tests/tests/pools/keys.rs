//! Long keys: two of them are never confused, and none of them takes memory of its own.

use std::path::PathBuf;

use allocation_counter::measure;
use proptest::prelude::*;
use retry_core::{
    Class, Key,
    circuit::{Gate, Phase},
    dead_letter::{DeadLetter, DeadLetterBuffer, JsonLinesReader, JsonLinesSink, Reason, WhenFull},
};

use super::{CONFIG, Circuit, Large, Pool, Shared, Small, at, fail, succeed};

const COM: &str = "inventory.eu-west-1.example.com";
const ORG: &str = "inventory.eu-west-1.example.org";
/// In a constant, a key has the same digest.
const COM_KEY: Key = Key::new(COM);

/// The text of a key, and what `printf TEXT | sha256sum` prints, up to 24 digits.
#[test]
fn a_long_key_shows_its_beginning_and_its_digest_the_same_in_every_process() {
    let rows = [
        ("", ""),
        ("eu-west-1", "eu-west-1"),
        ("inventory.eu-west-1.abc", "inventory.eu-west-1.abc"), // 23 bytes
        ("inventory.eu-west-1.abcd", "inventory.e..37bc54aa45a4b7328ae82d35"),
        (COM, "inventory.e..e800fc530ea558cc4212b822"),
        (ORG, "inventory.e..380ec76d51cfea164abaaab1"),
        // The 11th byte is in the middle of a character.
        ("xxxxxxxxxx\u{e9}yyyyyyyyyyyyyyyyyyyy", "xxxxxxxxxx..2880cd01707e313fca97ea78"),
        (
            "\u{1f34e}\u{1f34e}\u{1f34e}\u{1f34e}\u{1f34e}\u{1f34e}",
            "\u{1f34e}\u{1f34e}..15b54f8d2cf419f852e7c340",
        ),
    ];
    for (text, shown) in rows {
        let key = Key::new(text);
        assert_eq!(key.to_string(), shown);
        assert_eq!(key.is_truncated(), text.len() > 23, "{shown}");
        assert_eq!(key.digest().is_some(), key.is_truncated(), "{shown}");
        assert_eq!(Key::whole(text), (text.len() <= 23).then_some(key), "{shown}");
    }
    assert_eq!(COM_KEY, Key::new(COM));
    assert_eq!(size_of::<Key>(), 24);
}

/// Pairs that a cut, a digest or its text could confuse.
fn pairs() -> Vec<(String, String)> {
    let (shown, name) =
        (Key::new(COM).to_string(), Large::with_window(1, CONFIG).get(&"x".repeat(97)).name());
    let (short, padded) = ("x".repeat(23), "x".repeat(22) + "\0");
    let long = |last: &str| "x".repeat(10_000) + last;
    let at_the_limit = |length: usize| ("x".repeat(length), "x".repeat(length + 1));
    let mut pairs = vec![
        (COM.into(), ORG.into()),
        (COM.into(), shown.clone()),
        (shown.clone(), Key::new(&shown).to_string()),
        ("x".repeat(97), name.clone()),
        (name.clone(), Large::with_window(1, CONFIG).get(&name).name()),
        (short, padded),
        (String::new(), "\0".into()),
        ("e\u{301}".into(), "\u{e9}".into()),
        (long("a"), long("b")),
        (long(""), long("\0")),
        ("\u{1f34e}".repeat(24), "\u{1f34e}".repeat(25)),
    ];
    pairs.extend([10, 11, 12, 22, 23, 24, 31, 32, 39, 40, 95, 96, 97, 191, 192].map(at_the_limit));
    pairs
}

#[test]
fn each_of_two_similar_keys_has_a_circuit_of_its_own() {
    fn check(pool: &impl Pool, one: &str, other: &str) {
        assert_ne!(Key::new(one), Key::new(other));
        succeed(&pool.circuit(other), at(0));
        fail(&pool.circuit(one), 3, at(0));
        let (down, well) = (pool.circuit(one), pool.circuit(other));
        let label = format!("{}, {}", down.key(), well.key());
        assert!(!down.is_overflow() && !well.is_overflow(), "{label}");
        assert_eq!((down.phase(), well.phase()), (Phase::Open, Phase::Closed), "{label}");
        assert_eq!((down.key(), well.key()), (Key::new(one), Key::new(other)));
        drop(well);
        // Each replaces the other in one place.
        let mut third = format!("{other}-");
        for _ in 0..3 {
            assert_eq!(pool.circuit(&third).phase(), Phase::Closed);
            assert_eq!(pool.circuit(other).key(), Key::new(other));
            third.push('-');
        }
        assert_eq!(pool.counts().kept, 2);
    }
    for (one, other) in pairs() {
        for (one, other) in [(&one, &other), (&other, &one)] {
            check(&Large::with_window(2, CONFIG), one, other);
            check(&Shared::new(Large::with_window(2, CONFIG)), one, other);
            check(&Small::<2>::with_window(CONFIG), one, other);
        }
    }
}

/// A large pool stores up to 96 bytes. Each key replaces one that is longer or shorter.
#[test]
fn a_large_pool_returns_the_names_of_its_keys() {
    let pool = Large::with_window(3, CONFIG);
    let all: Vec<_> = (0..200).map(|length| "\u{e9}x".repeat(length)).collect();
    for key in all.iter().chain(all.iter().rev()).chain(all.iter().step_by(71)) {
        let name = pool.get(key).name();
        match key.len() {
            0..=96 => assert_eq!(name, *key),
            // 96 bytes end after a character.
            _ => assert!(name.starts_with(&key[..96]) && name[96..].starts_with("..") && name.len() == 122),
        }
        assert_eq!(pool.get(key).key(), Key::new(key));
        assert!(pool.peek(key).is_some() && pool.peek(&format!("{key}\0")).is_none());
        assert!(pool.peek(&format!("{key}x")).is_none());
    }
    let long = "x".repeat(100);
    pool.get(&long);
    assert!(pool.forget(&long) && pool.peek(&long).is_none());

    let full = Large::with_window(1, CONFIG);
    let _held = full.get("a");
    assert_eq!(full.get(COM).name(), Key::new(COM).to_string(), "an overflow keeps only a `Key`");
}

/// A call under way keeps its circuit, so that a fixed pool serves a dead host of any name.
#[test]
fn a_fixed_pool_opens_the_circuit_of_a_host_with_a_long_name() {
    let pool = Small::<4>::with_window(CONFIG);
    let refused = (0..100).filter(|_| match pool.get(COM).admit(at(0)) {
        Ok(admission) => {
            pool.get(COM).fail(admission.ticket, Class::Network, at(0), None, 0);
            false
        }
        Err(_) => true,
    });
    assert_eq!(refused.count(), 97);
    assert_eq!(pool.get(ORG).phase(), Phase::Closed);
    assert_eq!(
        pool.keys(),
        [(Key::new(COM).to_string(), Phase::Open), (Key::new(ORG).to_string(), Phase::Closed),]
            .into_iter()
            .collect::<std::collections::BTreeMap<_, _>>()
            .into_iter()
            .collect::<Vec<_>>()
    );
}

/// Long keys take no memory of their own in a pool, even keys of a megabyte.
#[test]
fn a_pool_is_bounded_in_bytes() {
    const KEYS: usize = 10_000;
    let pool = Large::with_window(KEYS, CONFIG);
    let short = measure(|| (0..KEYS).for_each(|i| drop(pool.get(&i.to_string()))));
    assert!(short.bytes_current < KEYS as i64 * 300, "{} bytes", short.bytes_current);
    for length in [97, 500] {
        let mut key = "x".repeat(length);
        let long = measure(|| {
            for i in 0..KEYS {
                key.replace_range(..4, &format!("{i:04}"));
                succeed(&pool.get(&key), at(0));
            }
        });
        assert_eq!((long.bytes_current, pool.counts().kept), (0, KEYS), "{length} bytes per key");
    }

    let (pool, fixed) = (Large::with_window(4, CONFIG), Small::<4>::with_window(CONFIG));
    succeed(&pool.get("first"), at(0));
    let mut huge = "y".repeat(1 << 20);
    let measured = measure(|| {
        for i in 0..5 {
            huge.replace_range(..4, &format!("{i:04}"));
            fail(&pool.get(&huge), 1, at(0));
            fail(&fixed.get(huge.as_str()), 1, at(0));
        }
    });
    assert_eq!(measured.bytes_current, 0);
    assert!(measured.bytes_max < 1_000, "{} bytes", measured.bytes_max);
    assert_eq!((pool.counts().kept, fixed.counts().kept), (4, 4));
}

/// Keys from outside that would end a line of a log, or reverse it.
#[test]
fn a_hostile_key_is_shown_without_control_characters_and_stays_another_key() {
    let rows = [
        ("a\nfake: line", "a\u{fffd}fake: line"),
        ("\u{1b}[2J", "\u{fffd}[2J"),
        ("a\u{202e}b", "a\u{fffd}b"),
        ("\0", "\u{fffd}"),
    ];
    let pool = Large::with_window(100, CONFIG);
    for (text, shown) in rows {
        let key = Key::new(text);
        assert_eq!((key.to_string(), format!("{key:?}")), (shown.into(), format!("Key({shown})")));
        assert_eq!(key.as_str(), text);
        fail(&pool.get(text), 3, at(0));
        assert_eq!(pool.get(shown).phase(), Phase::Closed, "{shown}");
        let long = text.to_owned() + &"\n".repeat(100);
        assert!(!Key::new(&long).to_string().contains('\n'));
        assert!(!format!("{:?}", pool.get(&long).key()).contains('\n'));
    }
}

/// Keys that a file or an image must give back as they were.
fn written() -> Vec<Key> {
    let (shown, nested) = (Key::new(COM).to_string(), Key::new(&Key::new(COM).to_string()).to_string());
    let hostile =
        ["a\nb", "\u{202e}\u{1b}[2J\u{202e}\u{1b}[2J\u{202e}\u{1b}[2J", "a..", "..", "xxxxxxxxxxx..0000"];
    let texts = [
        COM,
        ORG,
        &shown,
        &nested,
        "eu",
        "xxxxxxxxxx\u{e9}yyyyyyyyyyyyyyyyyyyy",
        "..............................",
    ];
    texts.iter().chain(&hostile).map(|text| Key::new(text)).collect()
}

fn letter(key: Key) -> DeadLetter<u32> {
    let mut letter = DeadLetter::new(Reason::Rejected, 7);
    letter.key = key;
    letter
}

#[test]
fn the_keys_of_letters_are_read_back_as_they_were() {
    let path: PathBuf = std::env::temp_dir().join(format!("retry-core-keys-{}.jsonl", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let sink = JsonLinesSink::open(&path).unwrap();
    written().into_iter().for_each(|key| sink.store(letter(key)).unwrap());
    let lines = std::fs::read_to_string(&path).unwrap();
    assert!(lines.contains(&format!(r#""key":"{}""#, Key::new(COM))));
    let read = JsonLinesReader::<u32>::open(&path).unwrap().map(|stored| stored.unwrap().letter.key);
    assert_eq!(read.collect::<Vec<_>>(), written());
    drop(sink);
    std::fs::remove_file(&path).unwrap();

    for key in written() {
        let mut queue = DeadLetterBuffer::<u32, 2>::new(WhenFull::Refuse);
        queue.push(letter(key));
        let mut image = [0; DeadLetterBuffer::<u32, 2>::IMAGE_SIZE];
        queue.save(&mut image).unwrap();
        let restored = DeadLetterBuffer::<u32, 2>::restore(&image, WhenFull::Refuse).unwrap();
        assert_eq!(restored.iter().map(|letter| letter.key).collect::<Vec<_>>(), [key]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn keys_are_equal_if_their_texts_are(one in "[ab\u{e9}.]{0,40}", other in "[ab\u{e9}.]{0,40}", same: bool) {
        let other = if same { one.clone() } else { other };
        prop_assert_eq!(Key::new(&one) == Key::new(&other), one == other);
        prop_assert_eq!(Key::new(&one).to_string() == Key::new(&other).to_string(), one == other);
    }
}
