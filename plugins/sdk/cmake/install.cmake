# cmake --install: the program, its plugins where it looks for them, and what plugins of others are built with.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The program looks for its plugins in ../lib/yardmaster, whatever the system's own library folder is called.
install(TARGETS yardmaster RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS ${YM_BUNDLED} LIBRARY DESTINATION lib/yardmaster)
install(DIRECTORY core/plugin/yardmaster plugins/sdk/yardmaster DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
install(DIRECTORY config/ DESTINATION ${CMAKE_INSTALL_DATADIR}/yardmaster/config)
install(DIRECTORY plugins/sdk/template DESTINATION ${CMAKE_INSTALL_DATADIR}/yardmaster)
install(FILES plugins/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME PLUGINS.md)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/yardmaster)
configure_package_config_file(plugins/sdk/cmake/yardmaster-config.cmake.in ${CMAKE_BINARY_DIR}/package/yardmaster-config.cmake
                              INSTALL_DESTINATION ${package}
                              PATH_VARS CMAKE_INSTALL_INCLUDEDIR CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/package/yardmaster-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/package/yardmaster-config.cmake
              ${CMAKE_BINARY_DIR}/package/yardmaster-config-version.cmake plugins/exports.map DESTINATION ${package})
