use futures_util::stream;

use super::*;
use crate::descriptor_of;

fn once(bytes: &'static [u8]) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::iter([Ok(Bytes::from_static(bytes))])
}

async fn written(folder: &Path) -> (Layout, Descriptor) {
    let layout = Layout::create(folder).await.unwrap();
    let blob = descriptor_of("text/plain", b"content").unwrap();
    layout.write_blob(&blob, once(b"content")).await.unwrap();
    layout.write_index(vec![blob.clone()]).await.unwrap();
    (layout, blob)
}

fn archive(folder: &Path) -> PathBuf {
    let path = folder.with_extension("tar");
    let mut builder = tar::Builder::new(fs::File::create(&path).unwrap());
    builder.append_dir_all(".", folder).unwrap();
    builder.finish().unwrap();
    path
}

#[tokio::test]
async fn what_was_written_is_read_from_the_folder_and_from_an_archive_of_it() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("oci");
    let (_, blob) = written(&folder).await;
    for path in [folder.clone(), archive(&folder)] {
        let layout = Layout::open(&path).await.unwrap();
        assert_eq!(layout.index().await.unwrap(), std::slice::from_ref(&blob));
        assert_eq!(layout.manifest(&blob).await.unwrap(), &b"content"[..]);
    }
}

#[tokio::test]
async fn wrong_content_is_neither_written_nor_read() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("oci");
    let (layout, blob) = written(&folder).await;
    let other = descriptor_of("text/plain", b"other").unwrap();
    for wrong in [&b"othex"[..], b"oth", b"others", b""] {
        layout.write_blob(&other, once(wrong)).await.unwrap_err();
        let left = fs::read_dir(folder.join("blobs/sha256")).unwrap().count();
        assert_eq!(left, 1, "only the first blob is there");
    }
    fs::write(folder.join(blob_name(&blob)), "changed").unwrap();
    layout.manifest(&blob).await.unwrap_err();
}

#[tokio::test]
async fn what_is_no_layout_is_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let empty = temporary.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let text = temporary.path().join("text");
    fs::write(&text, "hello").unwrap();
    for path in [
        empty.clone(),
        archive(&empty),
        text,
        temporary.path().join("absent"),
    ] {
        assert!(Layout::open(&path).await.is_err(), "{}", path.display());
    }
}

#[tokio::test]
async fn an_archive_that_is_compressed_is_told_by_that() {
    let temporary = tempfile::tempdir().unwrap();
    for start in [&[0x1f, 0x8b, 8][..], &[0x28, 0xb5, 0x2f, 0xfd]] {
        let path = temporary.path().join("image.tar.gz");
        fs::write(&path, start).unwrap();
        let error = Layout::open(&path).await.err().unwrap().to_string();
        assert!(error.contains("it is compressed"), "{error}");
    }
}

/// As docker save and buildx write one that has two tags.
#[tokio::test]
async fn an_image_with_two_names_is_one_image() {
    let temporary = tempfile::tempdir().unwrap();
    let layout = Layout::create(&temporary.path().join("oci")).await.unwrap();
    let descriptor = |bytes: &[u8]| descriptor_of(INDEX_TYPE, bytes).unwrap();
    let bytes = br#"{"schemaVersion":2,"manifests":[]}"#;
    let image = descriptor(bytes);
    layout.write_blob(&image, once(bytes)).await.unwrap();
    let mut named = image.clone();
    named.set_annotations(Some(HashMap::from([("a".into(), "b".into())])));
    let both = vec![named, image.clone()];
    layout.write_index(both.clone()).await.unwrap();
    assert_eq!(layout.tree().await.unwrap().root, image);
    for wrong in [vec![], [both, vec![descriptor(b"other")]].concat()] {
        layout.write_index(wrong).await.unwrap();
        let error = layout.tree().await.err().unwrap();
        assert!(
            format!("{error:?}").contains("expected exactly one"),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_pipe_is_refused_and_not_waited_for() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("oci");
    let (layout, blob) = written(&folder).await;
    for name in [INDEX.to_owned(), blob_name(&blob)] {
        fs::remove_file(folder.join(&name)).unwrap();
        pipe(&folder.join(name));
    }
    layout.index().await.unwrap_err();
    layout.manifest(&blob).await.unwrap_err();
    let alone = temporary.path().join("image.tar");
    pipe(&alone);
    assert!(Layout::open(&alone).await.is_err());
}

fn pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status();
    assert!(made.unwrap().success());
}

#[tokio::test]
async fn an_archive_with_too_many_entries_is_refused_and_not_read_in_part() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("oci");
    written(&folder).await;
    let path = archive(&folder);
    let entries = tar::Archive::new(fs::File::open(&path).unwrap())
        .entries()
        .unwrap()
        .count();
    assert!(places(&path, entries).is_ok());
    let error = places(&path, entries - 1).err().unwrap().to_string();
    let expected = format!("more than {} entries", entries - 1);
    assert!(error.contains(&expected), "{error}");
}
