# halyard_embed_files(OUTPUT ROOT FILES...): a C++ source that defines `halyard::emit::runtimeFiles()`, the texts of the
# files under their paths below ROOT, so that the compiler needs nothing beside its own executable.
#
# Included by a build it defines the function; run with `cmake -P` it does the work.
if(CMAKE_SCRIPT_MODE_FILE)
  file(WRITE ${OUTPUT}.tmp "// Made by the build from the files it names.\n"
    "#include \"compiler/pipelines/emit/RuntimeFiles.h\"\n\n"
    "llvm::ArrayRef<halyard::emit::RuntimeFile> halyard::emit::runtimeFiles() {\n"
    "  static const RuntimeFile files[] = {\n")
  string(REPLACE "|" ";" names "${FILES}")
  foreach(name ${names})
    file(READ ${ROOT}/${name} text)
    file(APPEND ${OUTPUT}.tmp "    {\"${name}\", R\"HALYARD(" "${text}" ")HALYARD\"},\n")
  endforeach()
  file(APPEND ${OUTPUT}.tmp "  };\n  return files;\n}\n")
  file(RENAME ${OUTPUT}.tmp ${OUTPUT})
  return()
endif()

set(HALYARD_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(halyard_embed_files output root)
  set(paths ${ARGN})
  list(TRANSFORM paths PREPEND ${root}/)
  string(REPLACE ";" "|" names "${ARGN}")
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DOUTPUT=${output} -DROOT=${root} "-DFILES=${names}" -P ${HALYARD_EMBED_SCRIPT}
    DEPENDS ${paths} ${HALYARD_EMBED_SCRIPT}
    COMMENT "Embedding the runtime's sources" VERBATIM)
endfunction()
