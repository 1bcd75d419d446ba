# cmake -DPROGRAM=pause -DOUTPUT=pause_bytes.cpp -P embed.cmake: the program as a constant, and its digest.
file(READ ${PROGRAM} bytes HEX)
file(SHA256 ${PROGRAM} digest)
string(SUBSTRING ${digest} 0 12 digest)
string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
string(LENGTH "${bytes}" length)
math(EXPR length "${length} / 4")
file(WRITE ${OUTPUT} "#include \"agent/runtime/pause/pause_bytes.h\"

namespace agent::runtime::pause {

const std::string_view kProgram(\"${bytes}\", ${length});
const std::string_view kProgramDigest = \"${digest}\";

}  // namespace agent::runtime::pause
")
