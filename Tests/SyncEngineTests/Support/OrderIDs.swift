/// The derived ids of events whose key is one whole number, in the namespace `orders`. They were made without Rollcall,
/// by Python: `"rc-" + sha256(n("orders") + n("long") + n("17")).hexdigest()[:40]`, where `n` puts the length before a
/// text, as 8 bytes, big-endian.
enum OrderIDs {
    /// By the key, from 0.
    static let derived = [
        "rc-c8f2239bb5db8231a841762cac4407a836debd67", "rc-1309474c0987ddfd53279cd4acb06aa364f88bb5",
        "rc-d4c9f5663faff8ce81552821a6c45ccd7fca0517", "rc-a5e1a8b5e52f62ebbb9831bc31380a2221020a48",
        "rc-3029ba0db39486594e1442c948a008ab7804ff8e", "rc-8832bb6cd1ef1ec06ebde6cbfe03cdb3c1ef2955",
        "rc-9c5bbb422399302834affb164bdc91a1f2eb778b", "rc-773832d7ddb95943cd68ce5c84a23c0ec1b527a7",
        "rc-228dcf2b1e32aca86a3e083febe8fa72e0464200", "rc-51aea51de57239ac365166d622c06111ef0851b0",
        "rc-0b43f5707f141e054564083658426fb30ecccb41", "rc-c6953ac7a6e2a3082fc2d01afd3564deec377dfb",
        "rc-489d5e1ca9aa96fd97b79715bd02136c50adcaea", "rc-3315262d557e03dfe6e2c37ef1e9de37e19c7483",
        "rc-e3d07acdb2ad8bdc780f9c3685ee55dd6967232d", "rc-c5becbbc6d297ae385b261b6df08ccea0746f285",
        "rc-6b22446010f5c21b3fa376999fefabece2710766", "rc-141c92856c19bbc2363467253f2d6dd2086df79e",
        "rc-973bc7fa22cee53c9ae52df66c0812f4bf71c032", "rc-aff2c2db3b0574e1fde38afc2df58c8b4fbe3eaa",
        "rc-303ea2c8b2d45162f4b13bb442fa2f612a96583e", "rc-9b4377fc3d1ced129dbf31b8f5d92df9f060c985",
        "rc-34789ee267686754c32b206f432540a197e29a3c", "rc-a190ec61d3be143064996c178e6d3f468c3a716e",
        "rc-599c7932b2d480c4d58c828ad3f331fc35abe912", "rc-df1782a0c69d96e4f3661a7b52780234f03771d3",
        "rc-ca2ae54487e15800e2ccfeaf9d3f4d307043ced8", "rc-b71d406d66b604dd9435d689768925a4ea4922c8",
        "rc-e07436be5c2948943605fd30f1bc2f85412faab2", "rc-2643925ddd5d7f3eac4cc55fc5380cabe5ab97e2",
        "rc-755b5b16474c86c21097d8ff50231697610cbd5f", "rc-2de72c310cd68923caa5993e74378903dc845ac5",
        "rc-7c4b19bea4438ac69b1108744e4ec8051f3d45d4", "rc-30cfc02d7db80ab4da53b4a603a2dc6a97190239",
        "rc-246910d50dd6313f2b511164859258029d4bfa24", "rc-87cb55e5c983a278d6027acb358c728da4e07154",
        "rc-f4126644f4f76f88e13749b01a1c7a772c621caa", "rc-dd7f1e9c4196f02f59ab8637764cc43a1a063ce3",
        "rc-64d4f2fcaa632172c5c0f6c7c5eab48b5df41fe0", "rc-7d14a1fb876773ded7c7e33288346c7aa65a02b6",
        "rc-0e3c91f7021b302db7464213859d3162c7107624",
    ]

    private static let names = Dictionary(
        uniqueKeysWithValues: derived.enumerated().map { ($0.element, "\($0.offset)") })

    /// The key of an id; the id itself where it is none of these.
    static func name(of id: String) -> String { names[id] ?? id }
}
