//! Programs that stand for real ones: executables for Linux that end at once, with the data that Go's linker and
//! `cargo auditable` put into a program. Both would take a compiler and a megabyte each; tests hold their data to what the real ones write.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};
use serde_json::json;

/// Where a program is loaded.
const ADDRESS: u64 = 0x40_0000;
const HEADER_BYTES: usize = 64;
const PROGRAM_HEADER_BYTES: usize = 56;
/// Code, and behind it data at a multiple of 16 bytes.
const CODE_AT: usize = HEADER_BYTES + PROGRAM_HEADER_BYTES;
const DATA_AT: usize = 160;

/// The program of an image of the sandbox.
pub(super) fn standing_for(name: &str, version: &str, architecture: &str) -> Vec<u8> {
    let (section, data) = match name {
        "node-act" => (".dep-v0", crates(name, version)),
        "shop" => (".go.buildinfo", shop()),
        _ => (".go.buildinfo", kubernetes(name, version)),
    };
    executable(architecture, section, &data)
}

/// A program of Kubernetes, with modules as they are after their repairs.
fn kubernetes(name: &str, version: &str) -> Vec<u8> {
    let module = version.replacen("v1.", "v0.", 1);
    build_info(
        "go1.26.8",
        &format!(
            "path\tk8s.io/kubernetes/cmd/{name}\nmod\tk8s.io/kubernetes\t{version}\t\n\
             dep\tgolang.org/x/net\tv0.50.0\th1:ucWh9eiCGyDR3vtzso0WMQinm2Dnt8cFMuQa9K33J60=\n\
             dep\tk8s.io/apimachinery\tv0.0.0\t\n=>\tk8s.io/apimachinery\t{module}\t\n\
             build\tCGO_ENABLED=0\nbuild\tGOOS=linux\n"
        ),
    )
}

/// A program that nobody has built again since 2023.
fn shop() -> Vec<u8> {
    build_info(
        "go1.20.6",
        "path\texample.com/shop\nmod\texample.com/shop\tv1.4.0\t\n\
         dep\tgolang.org/x/net\tv0.10.0\th1:X2//UzNDwYmtCLn7To6G58Wr6f5ahEAQgKNzv9Y951M=\n\
         build\tCGO_ENABLED=0\nbuild\tGOOS=linux\n",
    )
}

/// Build info in the inline format of Go 1.18 and later: a header of 32 bytes, the version, and the modules between sentinels.
fn build_info(go: &str, modules: &str) -> Vec<u8> {
    let mut data = b"\xff Go buildinf:\x08\x02".to_vec();
    data.resize(32, 0);
    let list = [
        b"0w\xaf\x0c\x92t\x08\x02A\xe1\xc1\x07\xe6\xd6\x18\xe6".as_slice(),
        modules.as_bytes(),
        b"\xf92C1\x86\x18 r\x00\x82B\x10A\x16\xd8\xf2",
    ];
    text(&mut data, go.as_bytes());
    text(&mut data, &list.concat());
    data
}

/// A text behind its length, which takes seven bits of each byte.
fn text(into: &mut Vec<u8>, text: &[u8]) {
    let mut length = text.len();
    while length > 0x7f {
        into.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    into.push(length as u8);
    into.extend_from_slice(text);
}

/// The audit data of a program of Rust.
fn crates(name: &str, version: &str) -> Vec<u8> {
    let version = version.trim_start_matches('v');
    let packages = json!([
        {"name": name, "version": version, "source": "local", "dependencies": [1, 2], "root": true},
        {"name": "rustix", "version": "1.1.6", "source": "crates.io"},
        {"name": "time", "version": "0.3.44", "source": "crates.io"},
    ]);
    // In this order: readers know the data by how it begins.
    let data = format!(r#"{{"packages":{packages},"format":1}}"#);
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(7));
    let packed = encoder.write_all(data.as_bytes());
    // Writing to a Vec cannot fail.
    packed.and_then(|()| encoder.finish()).unwrap_or_default()
}

/// A whole ELF file: one segment with the code and the data, and a section that names the data.
fn executable(architecture: &str, section: &str, data: &[u8]) -> Vec<u8> {
    let (machine, code): (u16, &[u8]) = match architecture {
        // exit(0)
        "arm64" => (183, b"\xa8\x0b\x80\xd2\x00\x00\x80\xd2\x01\x00\x00\xd4"),
        _ => (62, b"\xb8\x3c\x00\x00\x00\x31\xff\x0f\x05"),
    };
    let names = format!("\0{section}\0.shstrtab\0");
    let names_at = DATA_AT + data.len();
    let sections_at = (names_at + names.len()).next_multiple_of(8);
    let mut file = header(machine, sections_at as u64);
    file.extend(segment(names_at as u64));
    file.extend(code);
    file.resize(DATA_AT, 0);
    file.extend(data);
    file.extend(names.as_bytes());
    file.resize(sections_at, 0);
    let data_at = ADDRESS + DATA_AT as u64;
    file.extend([0; 64]);
    file.extend(named(1, (1, 3), data_at, (DATA_AT, data.len())));
    let own_name = 2 + section.len() as u32;
    file.extend(named(own_name, (3, 0), 0, (names_at, names.len())));
    file
}

fn header(machine: u16, sections_at: u64) -> Vec<u8> {
    let mut header = b"\x7fELF\x02\x01\x01".to_vec();
    header.resize(16, 0);
    header.extend(2_u16.to_le_bytes());
    header.extend(machine.to_le_bytes());
    header.extend(1_u32.to_le_bytes());
    for address in [ADDRESS + CODE_AT as u64, HEADER_BYTES as u64, sections_at] {
        header.extend(address.to_le_bytes());
    }
    header.extend(0_u32.to_le_bytes());
    for number in [
        HEADER_BYTES as u16,
        PROGRAM_HEADER_BYTES as u16,
        1,
        64,
        3,
        2,
    ] {
        header.extend(number.to_le_bytes());
    }
    header
}

/// The one segment: loaded as it is, readable, writable and executable.
fn segment(bytes: u64) -> Vec<u8> {
    let mut segment = Vec::new();
    for number in [1_u32, 7] {
        segment.extend(number.to_le_bytes());
    }
    for number in [0, ADDRESS, ADDRESS, bytes, bytes, 0x1000] {
        segment.extend(number.to_le_bytes());
    }
    segment
}

/// A section: where its name is, kind and flags, address, place and size in the file.
fn named(
    name: u32,
    (kind, flags): (u32, u64),
    address: u64,
    (at, size): (usize, usize),
) -> Vec<u8> {
    let mut section = Vec::new();
    section.extend(name.to_le_bytes());
    section.extend(kind.to_le_bytes());
    for number in [flags, address, at as u64, size as u64] {
        section.extend(number.to_le_bytes());
    }
    section.extend(0_u64.to_le_bytes());
    section.extend(16_u64.to_le_bytes());
    section.extend(0_u64.to_le_bytes());
    section
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

    use super::*;

    fn written(folder: &std::path::Path, program: &[u8]) -> std::path::PathBuf {
        let path = folder.join("program");
        fs::write(&path, program).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn every_program_is_one_that_linux_runs() {
        for name in ["kube-apiserver", "node-act", "shop"] {
            let folder = tempfile::tempdir().unwrap();
            let path = written(folder.path(), &standing_for(name, "v1.36.4", "amd64"));
            assert!(Command::new(path).status().unwrap().success(), "{name}");
        }
    }

    /// The audit data of a program.
    #[cfg(feature = "peers")]
    fn audit_data(program: &[u8]) -> serde_json::Value {
        let starts = (0..program.len()).filter(|at| program[*at] == 0x78);
        let mut found = starts.filter_map(|at| {
            let mut json = Vec::new();
            let mut decoder = flate2::read::ZlibDecoder::new(&program[at..]);
            std::io::Read::read_to_end(&mut decoder, &mut json).ok()?;
            serde_json::from_slice(&json).ok()
        });
        found
            .find(|json: &serde_json::Value| json["packages"].is_array())
            .unwrap()
    }

    #[cfg(feature = "peers")]
    #[test]
    fn the_audit_data_of_a_program_is_what_cargo_auditable_writes() {
        let built = [("rustix", "1.1.6"), ("time", "0.3.44")];
        let mut real = audit_data(&trireme_peers::programs::of_rust(&built).unwrap());
        // The test cannot choose its name.
        let root = &mut real["packages"][0];
        root["name"] = "node-act".into();
        root["version"] = "1.36.4".into();
        let ours = standing_for("node-act", "v1.36.4", "amd64");
        assert_eq!(audit_data(&ours), real);
    }

    #[cfg(feature = "peers")]
    #[test]
    fn go_lists_the_modules_of_a_program() {
        let folder = tempfile::tempdir().unwrap();
        for architecture in ["amd64", "arm64"] {
            let program = standing_for("kube-apiserver", "v1.36.4", architecture);
            let path = written(folder.path(), &program);
            let listed = Command::new("go")
                .args(["version", "-m"])
                .arg(path)
                .output()
                .unwrap();
            let text = String::from_utf8(listed.stdout).unwrap();
            for part in [
                "go1.26.8",
                "\tmod\tk8s.io/kubernetes\tv1.36.4",
                "\t=>\tk8s.io/apimachinery\tv0.36.4",
            ] {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
    }
}
