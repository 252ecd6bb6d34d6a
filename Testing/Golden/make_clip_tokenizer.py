# SPDX-License-Identifier: BSD-3-Clause
"""Makes Testing/Data/ClipTokenizer: what transformers' CLIPTokenizer makes of difficult texts.

Needs: pip install transformers tokenizers
Run from the repository's root.

A case is a folder: a small vocabulary laid out as CLIP's, in one of the ways in which the hub's folders
give their special tokens, beside golden.json with pairs of a text and its ids, special tokens included,
neither truncated nor padded, and some that are both.
"""
import json
import pathlib
import shutil

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from tokenizers import Regex
from transformers import CLIPTokenizer

from difficult_texts import BEGIN, END, TEXTS

DATA = pathlib.Path("Testing/Data/ClipTokenizer")

CORPUS = """
a photograph of an astronaut riding a horse on the moon, highly detailed, cinematic lighting
an oil painting of a small house beside the sea in the style of the old masters, golden hour
a photo of the cat sitting on the table; a photo of the dog running through the grass
portrait of a woman with flowers in her hair, watercolor, soft light, pastel colors, trending
the quick brown fox jumps over the lazy dog, and they're not going to say what they've seen
it's the artist's best painting, isn't it? we'll see, I'd say, I'm sure: 4k, 8k, 1024, 3.14!!!
ein großes Gemälde über den Straßen von Köln; une forêt enchantée près de la rivière; ¿qué es esto?
красивая картина леса и реки; красивый город ночью; ένας μεγάλος πίνακας της θάλασσας
美しい山の絵、夜の街 水墨画 山水 山水 一只猫 一只狗; صورة جميلة صورة القطة; चित्र सुंदर चित्र; 한국어 그림
🙂🙂🙂 🎨🎨 👩‍🎨 👩‍👩‍👧‍👦 ❤️❤️ ... ---- ((masterpiece:1.2)) [[best]] <lora:style:0.8> __init__ a_b
""".strip().split("\n")

PADDED = ["", "a photo of a cat", "!" * 20 + " a", "1" * 74, "1" * 75, "1" * 76, "1" * 300, END, "🙂" * 60]


def base_vocabulary():
    """CLIP's layout: byte symbols, byte symbols at the end of a word, merges; the special tokens are last."""
    printable = [*range(0x21, 0x7f), *range(0xa1, 0xad), *range(0xae, 0x100)]
    symbols = [chr(byte) for byte in printable] + [chr(0x100 + i) for i in range(256 - len(printable))]
    trained = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    trained.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    trained.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed",
                             invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    trainer = trainers.BpeTrainer(vocab_size=860, min_frequency=1, show_progress=False, initial_alphabet=symbols,
                                  end_of_word_suffix="</w>")
    trained.train_from_iterator(CORPUS, trainer)
    merges = [tuple(merge) for merge in json.loads(trained.to_str())["model"]["merges"]]
    tokens = symbols + [symbol + "</w>" for symbol in symbols] + ["".join(merge) for merge in merges]
    tokens = list(dict.fromkeys(tokens))
    return {token: i for i, token in enumerate(tokens)}, merges


def added(content, normalized, special=True):
    return dict(content=content, lstrip=False, normalized=normalized, rstrip=False, single_word=False, special=special)


def old(content):
    return {key: value for key, value in added(content, True).items() if key != "special"}


def typed(content):
    return {"__type": "AddedToken", **old(content)}


def make(name, texts, config=None, specials=None, added_tokens=None, without=()):
    """`without` are tokens that the vocabulary lacks."""
    vocabulary, merges = base_vocabulary()
    merges = [merge for merge in merges if not {*merge, "".join(merge)} & {*without}]
    kept = {token for merge in merges for token in (*merge, "".join(merge))}
    vocabulary = [t for t in vocabulary if t not in without and (t in kept or len(t.removesuffix("</w>")) == 1)]
    vocabulary = {token: i for i, token in enumerate([*vocabulary, BEGIN, END])}
    numbers = {token: vocabulary.get(token) for token in (BEGIN, END, "!")}
    folder = DATA / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)

    def write(file, value):
        if value is not None:
            (folder / file).write_text(json.dumps(value, ensure_ascii=False, indent=0 if len(value) > 99 else 2) + "\n",
                                       encoding="utf-8")

    write("vocab.json", vocabulary)
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(" ".join(m) + "\n" for m in merges), encoding="utf-8")
    write("tokenizer_config.json", config and config(numbers))
    write("special_tokens_map.json", specials)
    write("added_tokens.json", added_tokens and added_tokens(len(vocabulary)))
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    golden = {
        "texts": [[text, tokenizer(text).input_ids] for text in texts],
        "padded": [[text, tokenizer(text, padding="max_length", truncation=True, max_length=77).input_ids]
                   for text in PADDED],
    }
    assert all(len(ids) == 77 for _, ids in golden["padded"])
    lines = [f"[{json.dumps(text)}, {json.dumps(ids, separators=(',', ':'))}]" for text, ids in golden["texts"]]
    padded = [f"[{json.dumps(text)}, {json.dumps(ids, separators=(',', ':'))}]" for text, ids in golden["padded"]]
    (folder / "golden.json").write_text(
        '{"texts": [\n' + ",\n".join(lines) + '\n],\n"padded": [\n' + ",\n".join(padded) + "\n]}\n")
    shutil.rmtree(folder / ".cache", ignore_errors=True)


SHORT = [text for text in TEXTS if "<" in text or "!" in text][:40]
SHORT = [text for text in SHORT if len(text) < 200]

# As Stable Diffusion 1: special tokens are sought in the normalized text; the end token pads.
make("Version1", TEXTS,
     lambda ids: dict(add_prefix_space=False, bos_token=typed(BEGIN), do_lower_case=True, eos_token=typed(END),
                      errors="replace", model_max_length=77, pad_token=END, tokenizer_class="CLIPTokenizer",
                      unk_token=typed(END)),
     dict(bos_token=old(BEGIN), eos_token=old(END), pad_token=END, unk_token=old(END)))
# As Stable Diffusion 2: special_tokens_map.json changes the padding to "!", a token of the vocabulary.
make("Version2", SHORT,
     lambda ids: dict(bos_token=typed(BEGIN), eos_token=typed(END), model_max_length=77, pad_token=END,
                      unk_token=typed(END)),
     dict(bos_token=old(BEGIN), eos_token=old(END), pad_token="!", unk_token=old(END)))
# As Stable Diffusion XL's second: the added tokens are listed; special_tokens_map.json no longer counts.
make("Listed", TEXTS,
     lambda ids: dict(added_tokens_decoder={str(ids["!"]): added("!", False), str(ids[BEGIN]): added(BEGIN, False),
                                            str(ids[END]): added(END, False)},
                      bos_token=BEGIN, eos_token=END, pad_token="!", unk_token=END, model_max_length=77,
                      tokenizer_class="CLIPTokenizer"),
     dict(pad_token=END))
# With tokens that were added later, as textual inversion does, and no configuration.
make("Added", SHORT, None, dict(additional_special_tokens=["*red-dot*"]),
     lambda count: {"<cat-toy>": count, "<cat-toy-2>": count + 1, "<K>": count + 2})
# Characters that the vocabulary lacks.
make("Unknown", SHORT + ["山", "a photo", "Ünïcödé"], without={"a", "a</w>", "å</w>", "å", "é", "!", "Ļ"})
