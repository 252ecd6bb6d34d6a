# SPDX-License-Identifier: BSD-3-Clause
"""Texts that tokenizers may differ about, for make_clip_tokenizer.py and make_glide.py."""
BEGIN, END = "<|startoftext|>", "<|endoftext|>"

TEXTS = [
    "", " ", "\t\r\n \v\f", "a", "a photo of a cat", "  A   Photo\tof\n\na  CAT  ", "A PHOTOGRAPH OF AN ASTRONAUT",
    # Contractions, numbers, punctuation.
    "it's we're I've I'm they'll he'd isn't", "IT'S WE'RE", "'s't're've'm'll'd", "''s '''t 'x 'S ’s it’s", "'",
    "rock'n'roll", "12345 3.14 1024x768 ½ ² Ⅷ ٣٤ १२ ㊷ 𝟘𝟙", "!!! ... ?!?! ((a:1.2)), [b] {c} ~`@#$%^&*()_+-=|\\;\"<>/",
    "a_b__c - d--e---f", "https://example.org/a?b=c&d=%20", "price: $9.99 (€8,50) 50% off!", "a.b.c.", "C++ C# F♯",
    "newline\nin\r\nthe middle\u2028of\u2029text\x85end",
    # Every kind of white space and things that only look like it.
    "a\u00a0b\u1680c\u2003d\u202fe\u205ff\u3000g", "a\u200bb\ufeffc\u2060d\u180ee\u00adf",
    # Composition and case.
    "caf\u00e9 cafe\u0301 e\u0301\u0323 a\u030a \u212b \u2126 \u212a", "\u1e9b\u0323 \ufb01 \ufb03 \uff21\uff22",
    "\u0344 \u0958 \u2adc \u0f73 q\u0323\u0307 q\u0307\u0323", "\u1112\u1161\u11ab \ud55c \u1100\u1161\u11a8 한국어 그림",
    "ﷺ ㍿ ① ™ ℃", "İstanbul ISPARTA ıi İ I\u0307 i\u0307", "ΣΑΣ ΟΔΟΣ όδος ς σ Σ", "STRASSE Straße ẞ ß", "ǅ ǆ Ǆ ᾈ ᾳ Ⓐ ⓐ Ꭰ ꭰ 𐐀 𐐨",
    "Ünïcödé ŁÓDŹ ŽLUŤOUČKÝ ĐẶNG", "\u0301 \u0301\u0301 a\u0301\u0301", " \u0301x", "A\u0300\u0316", "naïve façade œuvre Œ Æ",
    # Scripts.
    "красивая КАРТИНА леса", "ένας ΜΕΓΑΛΟΣ πίνακας", "美しい山の絵、夜の街。", "一只猫和一只狗", "山水 水墨画 12山3水", "ｶﾀｶﾅ カタカナ が か\u3099",
    "صورة جميلة للقطة، ١٢٣؟", "صُورَةٌ ـــ", "תמונה יפה שָׁלוֹם", "सुंदर चित्र क़ क्षि", "ภาพสวยงาม", "ຮູບພາບ", "བོད་ཡིག", "தமிழ் படம்",
    "𠮷野家 𪚥", "𝒜𝓇𝓉 𝕬𝖗𝖙", "ᚠᚢᚦ ꓘ 𓀀𓂀",
    # Emoji.
    "🙂", "🎨🎨🎨 🙂🙂", "👩‍🎨", "👩‍👩‍👧‍👦 family", "❤️ ❤ ❤️‍🔥", "👍🏽👋🏿", "🇩🇪🇫🇷", "1️⃣ #️⃣", "a🙂b 3🙂4 🙂's",
    # Controls and things at the end of the code space.
    "a\x00b", "\x00", "\x01\x02\x7f", "a\x1b[31mred\x1b[0m", "\ufffd \ufffe \uffff", "\U0010ffff \U000e0041 \ue000 \u0378",
    "\u202eright to left\u202c \u200f\u200e",
    # Special tokens in the text, as they are and nearly so.
    BEGIN, END, f"a{END}b", f"{BEGIN}a photo{END}", f"{END}{END} {BEGIN}", "<|EndOfText|> <|STARTOFTEXT|>!!", "a<|ENDOFTEXT|>!!b",
    "!<|ENDOFTEXT|>!!", "<|endoftext|", "<endoftext> <|endoftext |> <| endoftext|>", f"e{END}\u0301", f"it{END}'s", "<|endoftext|>|>", "<pad> </w>",
    "a</w>b", "hello! hello!!", "!", "<cat-toy> on <CAT-TOY> and <cat-toy>s", "<cat-toy-2><cat-toy>", "*red-dot*", "<k>", "<\u212a>",
    # Long.
    "photo " * 100, "a" * 1000, "photograph" * 60, "!" * 300, "🙂" * 120, "é" * 200, "1" * 200, "山" * 150,
    "a photograph of an astronaut riding a horse " * 9, "x" * 74 + " y", ("ab " * 75).strip(), ("ab " * 76).strip(),
]
