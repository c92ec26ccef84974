/// Everything that can be wrong with an identifier of the warehouse. The codes are stable and are listed in
/// docs/identifiers.md; a sentence never repeats the value, which is found in the record's own columns.
enum IdentifierFailure {
    static let emailEmpty = FailureReason(code: "email_empty", reason: "The email is empty or blank.")
    static let emailTooLong = FailureReason(
        code: "email_too_long", reason: "The email is longer than \(EmailRules.maximumCount) characters.")
    static let emailForm = FailureReason(
        code: "email_syntax", reason: "The email is not of the form name@domain.")
    static let emailLocalPart = FailureReason(
        code: "email_syntax",
        reason: "The part of the email before the @ has a misplaced dot, quote, blank or special character.")
    static let emailLocalTooLong = FailureReason(
        code: "email_local_too_long",
        reason: "The part of the email before the @ is longer than \(LocalPart.maximumCount) characters.")
    static let emailDomain = FailureReason(
        code: "email_domain",
        reason: "The domain of the email is not a host name of two or more labels made of letters, digits and inner "
            + "hyphens.")
    static let emailAddressLiteral = FailureReason(
        code: "email_domain",
        reason: "The domain of the email is in brackets but is neither an IPv4 address nor IPv6: and an IPv6 address.")
    static let emailUnconvertibleDomain = FailureReason(
        code: "email_domain",
        reason: "The domain of the email has characters outside ASCII that no internationalized domain name may have.")
    static let emailTopLevelDomain = FailureReason(
        code: "email_tld", reason: "The domain of the email does not end in a top-level domain that exists.")
    static let emailNotASCII = FailureReason(
        code: "email_not_ascii", reason: "The part of the email before the @ has a character outside ASCII.")
    static let emailControlCharacter = FailureReason(
        code: "email_control_character",
        reason: "The email has a control character, such as a tab or line break, in it.")
    static let emailInvisibleCharacter = FailureReason(
        code: "email_invisible_character",
        reason: "The email has an invisible character, such as a zero-width space, in it.")
    static let emailInvalidUTF8 = FailureReason(
        code: "email_invalid_utf8", reason: "The email is not valid UTF-8 text.")

    static let userIDEmpty = FailureReason(code: "user_id_empty", reason: "The userId is empty or blank.")
    static let userIDTooLong = FailureReason(
        code: "user_id_too_long", reason: "The userId is longer than \(UserIDRules.maximumCount) characters.")
    static let userIDNotPrintableASCII = FailureReason(
        code: "user_id_not_printable_ascii", reason: "The userId has a character that is not printable ASCII.")
    static let userIDOuterSpace = FailureReason(
        code: "user_id_outer_space", reason: "The userId starts or ends with white space.")
    static let userIDInvalidUTF8 = FailureReason(
        code: "user_id_invalid_utf8", reason: "The userId is not valid UTF-8 text.")
}
