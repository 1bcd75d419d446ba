# cmake -DFOLDER=web -DNAMES=a.html,b.js -DOUTPUT=assets_bytes.cpp -P embed.cmake: the files as constants, with their digests.
string(REPLACE "," ";" names "${NAMES}")
set(rows "")
foreach(name ${names})
  file(READ ${FOLDER}/${name} bytes HEX)
  file(SHA256 ${FOLDER}/${name} digest)
  string(SUBSTRING ${digest} 0 16 digest)
  string(LENGTH "${bytes}" length)
  math(EXPR length "${length} / 2")
  # In pieces: compilers bound a literal.
  string(REGEX REPLACE "(..)" "\\\\x\\1" bytes "${bytes}")
  string(REGEX REPLACE "(................................................................................................................................)" "\\1\"\n    \"" bytes "${bytes}")
  string(APPEND rows "    {\"${name}\",\n     std::string_view(\n    \"${bytes}\", ${length}),\n     \"\\\"${digest}\\\"\"},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"agent/dashboard/assets.h\"

namespace agent::dashboard {

const std::vector<Asset>& assets() {
  static const std::vector<Asset> kAll = {
${rows}  };
  return kAll;
}

}  // namespace agent::dashboard
")
