use std::io::Write as _;

use super::*;

/// Bytes that hold neither a magic nor the beginning of a zlib stream.
fn filler(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at % 97) as u8).collect()
}

fn varint(mut length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (length & 0x7f) as u8;
        length >>= 7;
        if length == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Build info as Go's linker writes it.
fn build_info(version: &str, modules: &str) -> Vec<u8> {
    let mut list = Vec::new();
    if !modules.is_empty() {
        list = [&[b'0'; 16], modules.as_bytes(), &[b'1'; 16]].concat();
    }
    let mut header = b"\xff Go buildinf:".to_vec();
    header.extend([8, 2]);
    header.resize(32, 0);
    let texts = [
        varint(version.len()),
        version.as_bytes().to_vec(),
        varint(list.len()),
        list,
    ];
    [header, texts.concat()].concat()
}

fn audit_data(json: &str) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(7));
    encoder.write_all(json.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn found(program: &[u8]) -> BuildData {
    let (start, mut rest) = program.split_at(4);
    read(start, &mut rest).unwrap()
}

const MODULES: &str = "path\texample.com/app\nmod\texample.com/app\tv1.0.0\t\n";
const CRATES: &str =
    r#"{"packages":[{"name":"app","version":"1.0.0","source":"local","root":true}]}"#;

/// Both data where a piece ends, before, behind and across.
#[test]
fn data_is_found_wherever_it_lies() {
    let info = build_info("go1.26.8", MODULES);
    let audit = audit_data(CRATES);
    let text = format!("go1.26.8\n{MODULES}").into_bytes();
    for at in [
        16,
        PIECE_BYTES - 2048,
        PIECE_BYTES - 1024,
        PIECE_BYTES - 16,
        PIECE_BYTES,
    ]
    .into_iter()
    .chain((0..20).map(|step| PIECE_BYTES - 1056 + 16 * step))
    {
        let at = at / 16 * 16;
        let program = [&filler(at), &info[..], &audit, &filler(5000)].concat();
        let data = found(&program);
        assert_eq!(data.go, vec![text.clone()], "at {at}");
        assert_eq!(data.rust, [CRATES.as_bytes()], "at {at}");
        assert!(!data.unreadable);
    }
}

#[test]
fn long_data_goes_through_many_pieces() {
    let modules = format!("mod\t{}\tv1\t\n", "x".repeat(1 << 20));
    let crates = format!(r#"{{"packages":[],"more":"{}"}}"#, hex_digits(2 << 20));
    let program = [
        filler(64),
        build_info("go1.26.8", &modules),
        audit_data(&crates),
    ];
    let data = found(&program.concat());
    assert_eq!(data.go[0].len(), "go1.26.8\n".len() + modules.len());
    assert_eq!(data.rust, [crates.as_bytes()]);
}

/// Digits that compress badly.
fn hex_digits(count: usize) -> String {
    let mut state = 1_u64;
    let mut digit = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from_digit((state >> 60) as u32, 16).unwrap()
    };
    (0..count).map(|_| digit()).collect()
}

#[test]
fn build_info_lies_at_a_multiple_of_16_bytes() {
    let info = build_info("go1.26.8", MODULES);
    let program = [&filler(40), &info[..]].concat();
    assert_eq!(found(&program), BuildData::default());
}

#[test]
fn a_program_without_modules_still_says_its_version_of_go() {
    let data = found(&build_info("go1.26.8", ""));
    assert_eq!(data.go, [b"go1.26.8\n"]);
}

#[test]
fn data_that_is_cut_off_or_old_is_said_to_be_unreadable() {
    let info = build_info("go1.26.8", MODULES);
    let audit = audit_data(CRATES);
    for cut in [33, info.len() - 1] {
        assert!(found(&info[..cut]).unreadable, "build info at {cut}");
    }
    assert!(found(&[&filler(16), &audit[..audit.len() - 1]].concat()).unreadable);
    let mut damaged = audit.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    assert!(found(&[filler(16), damaged, filler(2000)].concat()).unreadable);
    let mut old = info;
    old[15] = 0;
    let data = found(&[old, filler(2000)].concat());
    assert!(data.unreadable && data.go.is_empty());
}

/// As in a program that reads build info itself.
#[test]
fn the_magic_alone_is_a_constant() {
    let program = [
        &b"\xff Go buildinf:"[..],
        b"runtime error: index",
        &filler(3000),
    ]
    .concat();
    assert_eq!(found(&program), BuildData::default());
}

#[test]
fn data_without_an_end_takes_no_more_memory_than_the_limit() {
    let endless = [varint(LIMIT_BYTES - 1), vec![b'x'; LIMIT_BYTES / 2]].concat();
    let mut header = b"\xff Go buildinf:".to_vec();
    header.extend([8, 2]);
    header.resize(32, 0);
    let info = [header, varint(8), b"go1.26.8".to_vec(), endless].concat();
    let mut many = Vec::new();
    for _ in 0..FINDS + 4 {
        many.extend(&info[..1024]);
    }
    assert!(found(&many).unreadable);
    let bomb = format!(r#"{{"packages":[],"x":"{}"}}"#, "0".repeat(2 * LIMIT_BYTES));
    let data = found(&[filler(16), audit_data(&bomb), filler(9000)].concat());
    assert!(data.unreadable && data.rust.is_empty());
}

proptest::proptest! {
    #[test]
    fn whatever_a_file_holds_is_read_to_its_end(
        at in 0_usize..400, byte in proptest::prelude::any::<u8>(), cut in 4_usize..400,
    ) {
        let mut program =
            [build_info("go1.26.8", MODULES), audit_data(CRATES), filler(100)].concat();
        let at = at % program.len();
        program[at] = byte;
        program.truncate(cut.min(program.len()));
        let (start, mut rest) = program.split_at(4);
        read(start, &mut rest).unwrap();
        proptest::prop_assert!(rest.is_empty());
    }
}

#[test]
fn a_program_with_more_data_than_is_kept_cannot_be_read() {
    let info = [build_info("go1.26.8", MODULES), filler(64)].concat();
    let aligned = [&info[..], &filler(16 - info.len() % 16)].concat();
    let audit = audit_data(CRATES);
    for data in [aligned, audit] {
        let all = |count| found(&[filler(16), data.repeat(count), filler(5000)].concat());
        assert!(!all(FINDS).unreadable);
        assert!(all(FINDS + 1).unreadable);
    }
}
